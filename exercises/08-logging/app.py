"""The handler logs that it has accepted an order."""


def handler(event, context):
    print("accepted")
