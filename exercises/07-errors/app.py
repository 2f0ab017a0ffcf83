"""The handler counts the items of an order."""


def handler(event, context):
    if not event.get("items"):
        return {"error": "no items"}
    return {"items": len(event["items"])}
