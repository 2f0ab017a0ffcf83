"""The handler says which table it works on."""

TABLE = "orders-test"


def handler(event, context):
    return TABLE
