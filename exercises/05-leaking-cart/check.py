"""Each caller has a separate cart."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    first = run.invoke({"items": ["tea"]})
    expect(first.payload == ["tea"], saw=f"The first caller got {first.shown}.", expected='["tea"]', hint=2)
    second = run.invoke({"items": ["cake", "milk"]})
    expect(
        second.payload == ["cake", "milk"],
        saw=f"The second caller put in cake and milk, and got {second.shown}.",
        expected='["cake", "milk"], nothing of the first caller',
        hint=1,
    )
    third = run.invoke({"items": []})
    expect(
        third.payload == [],
        saw=f"The third caller put in nothing, and got {third.shown}.",
        expected="an empty cart",
        hint=2,
    )
