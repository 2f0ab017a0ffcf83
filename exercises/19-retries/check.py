"""One attempt for a wrong event, three while the bank is down."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    wrong = run.attempts({"amount": -1})
    expect(
        wrong == 1,
        saw=f"An event with a negative amount was tried {wrong} times.",
        expected="one attempt: it will never be right",
        hint=1,
    )
    down = run.attempts({"amount": 1, "bank": "down"})
    expect(
        down == 3,
        saw=f"An event was tried {down} time(s) while the bank was down.",
        expected="three attempts",
        hint=2,
    )
    good = run.attempts({"amount": 1})
    expect(good == 1, saw=f"A good event was tried {good} times.", expected="one attempt", hint=2)
