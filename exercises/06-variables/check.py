"""The table is the one that the settings name."""

import uuid

from learn.checks import Run, expect

NAME = f"orders-{uuid.uuid4().hex[:6]}"
PROPERTIES = {"Environment": {"Variables": {"TABLE": NAME}}}


def check(run: Run) -> None:
    answer = run.invoke()
    expect(
        answer.payload == NAME,
        saw=f"The variable TABLE is {NAME!r}, and the function returned {answer.shown}.",
        expected="the value of the variable",
        hint=1,
    )
