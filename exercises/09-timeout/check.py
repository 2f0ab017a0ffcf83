"""The function returns in time, and its numbers are right."""

from learn.checks import Run, expect

PROPERTIES = {"Timeout": 1}


def check(run: Run) -> None:
    answer = run.invoke({"items": [1, 2, 3, 4, 5]})
    expect(
        not answer.failed,
        saw=f"The caller got {answer.shown}.",
        expected="a response before the time is up",
        hint=2,
    )
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    done, left = payload.get("done"), payload.get("left")
    expect(
        isinstance(done, int) and isinstance(left, int) and done + left == 5,
        saw=f"The function returned {answer.shown}, and there are five items.",
        expected="done and left, five together",
        hint=3,
    )
    expect(done > 0, saw="No item was done.", expected="as many as there is time for", hint=3)
    few = run.invoke({"items": [1]})
    expect(
        few.payload == {"done": 1, "left": 0},
        saw=f"For one item the function returned {few.shown}.",
        expected='{"done": 1, "left": 0}',
        hint=3,
    )
