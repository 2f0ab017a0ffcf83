"""Different events have different greetings."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    for event, greeting in (({"name": "Ben"}, "Hello, Ben!"), ({}, "Hello, World!")):
        answer = run.invoke(event)
        expect(
            answer.payload == greeting,
            saw=f"For the event {event} the caller got {answer.shown}.",
            expected=f'"{greeting}"',
            hint=1 if event else 2,
        )
