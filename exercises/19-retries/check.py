"""One attempt and a line in the log for a wrong event, three attempts while the bank is down."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    wrong, lines = tried(run, {"amount": -1})
    expect(
        wrong == 1,
        saw=f"An event with a negative amount was tried {wrong} times.{last_error(lines)}",
        expected="one attempt: it will never be right",
        hint=1,
    )
    expect(bool(lines), saw="Nothing was logged for a negative amount.", expected="a line in the log", hint=3)
    down, lines = tried(run, {"amount": 1, "bank": "down"})
    expect(
        down == 3 and "Down:" in last_error(lines),
        saw=f"An event was tried {down} time(s) while the bank was down.{last_error(lines)}",
        expected="three attempts that end with Down",
        hint=2,
    )
    good, lines = tried(run, {"amount": 5})
    expect(
        good == 1 and "charged 5" in lines,
        saw=f"A good event was tried {good} time(s), and the function wrote {lines}.{last_error(lines)}",
        expected="one attempt, and charged 5",
        hint=2,
    )


def tried(run: Run, event: object) -> tuple:
    """How often the event was tried, and what the function wrote meanwhile."""
    before = len(run.events("function"))
    attempts = run.attempts(event)
    return attempts, [str(event["record"]).strip() for event in run.events("function")[before:]]


def last_error(lines: list) -> str:
    """The error of the last attempt, as the runtime logs it."""
    errors = [line.splitlines()[0] for line in lines if line.startswith("[ERROR]")]
    return f" The last error: {errors[-1]}." if errors else ""
