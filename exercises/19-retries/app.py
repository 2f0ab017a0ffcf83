"""The handler makes a charge for an asynchronous event."""


class Invalid(Exception):
    pass


class Down(Exception):
    pass


def charge(event):
    if event["amount"] < 0:
        raise Invalid("a negative amount")
    if event.get("bank") == "down":
        raise Down("no connection")
    print("charged", event["amount"])


def handler(event, context):
    charge(event)
