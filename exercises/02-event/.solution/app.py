"""The handler greets whoever is in the event."""


def handler(event, context):
    return f"Hello, {event.get('name', 'World')}!"
