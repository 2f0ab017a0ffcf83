"""A bad order is a failed invocation, a good one is not."""

import builtins

from learn.checks import Run, expect


def check(run: Run) -> None:
    for items in (["tea"], ["tea", "cake"]):
        good = run.invoke({"items": items})
        wanted = {"items": len(items)}
        expect(good.payload == wanted, saw=f"The order of {items} got {good.shown}.", expected=f"{wanted}", hint=1)
    bad = run.invoke({"items": []})
    expect(
        bad.failed,
        saw=f"An order without items was a success for Lambda: {bad.shown}.",
        expected="a failed invocation",
        hint=1,
    )
    name, text = bad.payload["errorType"], bad.payload.get("errorMessage")
    kind = getattr(builtins, name, ValueError)  # a class of the function's own may be a subclass of ValueError
    expect(
        issubclass(kind, ValueError) and text == "no items",
        saw=f"The error was {name}: {text}.",
        expected="ValueError: no items",
        hint=3,
    )
