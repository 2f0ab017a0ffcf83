"""The handler counts the items of an order."""


def handler(event, context):
    if not event.get("items"):
        raise ValueError("no items")
    return {"items": len(event["items"])}
