"""The sums are right, and the function lives."""

from learn.checks import Run, expect

PROPERTIES = {"MemorySize": 128, "Timeout": 20}


def check(run: Run) -> None:
    for count in (300, 200):
        answer = run.invoke({"count": count})
        expect(
            not answer.failed,
            saw=f"The caller got {answer.shown}. The function had used {answer.metrics['maxMemoryUsedMB']} of 128 MB.",
            expected="a response",
            hint=1,
        )
        total = sum(1_000_000 + number for number in range(count))
        expect(
            answer.payload == total,
            saw=f"For {count} pieces the sum is {answer.shown}.",
            expected=f"{total}",
            hint=3,
        )
