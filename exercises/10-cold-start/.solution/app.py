"""The handler makes a report, if that is what the event asks for."""


def handler(event, context):
    if event.get("kind") == "report":
        import reports

        return reports.make()
    return "ok"
