"""The response is the greeting."""

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    if answer.failed:
        raise Failed(f"The function failed: {answer.shown}.", "a response")
    expect(
        answer.payload is not None,
        saw=f"The caller got null. The log has {answer.lines}.",
        expected="the greeting as the response",
        hint=1,
    )
    expect(
        answer.payload == "Hello, Ada!",
        saw=f"The caller got {answer.shown}.",
        expected='"Hello, Ada!"',
        hint=3,
    )
