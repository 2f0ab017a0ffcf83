"""The line has the runtime's format: level, time, request id and text, with tabs between them."""

import re

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    request_id = run.events("platform.start")[-1]["record"]["requestId"]
    if answer.failed:
        raise Failed(f"The function failed: {answer.shown}.", "a response")
    lines = [line for line in answer.lines if "accepted" in line]
    expect(
        bool(lines),
        saw="The log has no line with the word accepted.",
        expected="one line",
        hint=2,
    )
    logged = re.compile(rf"\[INFO\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t{request_id}\t.*accepted")
    expect(
        any(logged.match(line) for line in lines),
        saw=f"The line is {lines[-1]!r}.",
        expected="a line of the module logging, with [INFO], the time and the id of the request",
        hint=1,
    )
