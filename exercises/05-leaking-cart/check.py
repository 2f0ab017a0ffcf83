"""Each caller has a separate cart."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    first = run.invoke({"items": ["tea"]})
    expect(first.payload == ["tea"], saw=f"The first caller got {first.shown}.", expected='["tea"]', hint=2)
    second = run.invoke({"items": ["cake"]})
    expect(
        second.payload == ["cake"],
        saw=f"The second caller put in cake, and got {second.shown}.",
        expected='["cake"], nothing of the first caller',
        hint=1,
    )
