"""The line has level and request id."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    request_id = run.events("platform.start")[-1]["record"]["requestId"]
    lines = [line for line in answer.lines if "accepted" in line]
    expect(
        bool(lines),
        saw="The log has no line with the word accepted.",
        expected="one line",
        hint=2,
    )
    expect(
        request_id in lines[0] and "[INFO]" in lines[0],
        saw=f"The line is {lines[0]!r}.",
        expected="a line with [INFO] and the id of the request",
        hint=1,
    )
