"""Different events have different greetings."""

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    for event, greeting in (({"name": "Ben"}, "Hello, Ben!"), ({"name": "Eve"}, "Hello, Eve!"), ({}, "Hello, World!")):
        answer = run.invoke(event)
        if answer.failed and event:
            raise Failed(f"The function failed: {answer.shown}.", "a response")
        expect(
            answer.payload == greeting,
            saw=f"For the event {event} the caller got {answer.shown}.",
            expected=f'"{greeting}"',
            hint=1 if event else 2,
        )
