"""The handler writes a report, and reads it again."""

PATH = "report.txt"


def handler(event, context):
    with open(PATH, "w") as file:
        file.write(event["text"])
    with open(PATH) as file:
        return file.read()
