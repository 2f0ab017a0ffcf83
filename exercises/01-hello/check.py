"""The response is the greeting."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    expect(
        answer.payload is not None,
        saw="The caller got null, although the log has a line.",
        expected="the greeting as the response",
        hint=1,
    )
    expect(
        answer.payload == "Hello, Ada!",
        saw=f"The caller got {answer.shown}.",
        expected='"Hello, Ada!"',
        hint=3,
    )
