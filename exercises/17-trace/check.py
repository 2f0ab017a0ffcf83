"""Each invocation returns the trace id that Lambda gave it."""

from learn.checks import Run, expect

PROPERTIES = {"Tracing": "Active"}


def check(run: Run) -> None:
    for number in ("first", "second"):
        answer = run.invoke()
        header = run.events("platform.start")[-1]["record"]["tracing"]["value"]
        given = header.partition("Root=")[2].partition(";")[0]
        expect(
            answer.payload in (header, given, f"Root={given}"),
            saw=f"The {number} invocation has the trace {given}, and the function returned {answer.shown}.",
            expected="the trace id, or the value of the variable",
            hint=1,
        )
