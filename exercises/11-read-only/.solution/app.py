"""The handler writes a report if the event has a text, and returns the report that is there."""

PATH = "/tmp/report.txt"


def handler(event, context):
    if "text" in event:
        with open(PATH, "w") as file:
            file.write(event["text"])
    with open(PATH) as file:
        return file.read()
