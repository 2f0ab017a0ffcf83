"""The sum is right, and the function lives."""

from learn.checks import Run, expect

PROPERTIES = {"MemorySize": 128, "Timeout": 20}


def check(run: Run) -> None:
    answer = run.invoke()
    expect(
        not answer.failed,
        saw=f"The caller got {answer.shown}. The function had used {answer.metrics['maxMemoryUsedMB']} of 128 MB.",
        expected="a response",
        hint=1,
    )
    expect(answer.payload == 300_000_000, saw=f"The sum is {answer.shown}.", expected="300000000", hint=3)
