"""The handler works on a batch of messages."""


def work(body):
    print("worked on", int(body))


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            work(record["body"])
        except ValueError:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
