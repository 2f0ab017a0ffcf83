"""The handler greets Ada."""


def handler(event, context):
    print("Hello, Ada!")
