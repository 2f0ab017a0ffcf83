"""A bad order is a failed invocation, a good one is not."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    good = run.invoke({"items": ["tea"]})
    expect(good.payload == {"items": 1}, saw=f"A good order got {good.shown}.", expected='{"items": 1}', hint=1)
    bad = run.invoke({"items": []})
    expect(
        bad.failed,
        saw=f"An order without items was a success for Lambda: {bad.shown}.",
        expected="a failed invocation",
        hint=1,
    )
    error = (bad.payload["errorType"], bad.payload["errorMessage"])
    expect(
        error == ("ValueError", "no items"),
        saw=f"The error was {error[0]}: {error[1]}.",
        expected="ValueError: no items",
        hint=3,
    )
