"""The handler makes a report, if that is what the event asks for."""

import reports


def handler(event, context):
    if event.get("kind") == "report":
        return reports.make()
    return "ok"
