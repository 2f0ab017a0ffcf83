"""The handler works on a batch of messages."""


def work(body):
    print("worked on", int(body))


def handler(event, context):
    for record in event["Records"]:
        work(record["body"])
