"""Only the event that needs the module waits for its import."""

from learn.checks import Run, expect

IMPORTED = "IMPORTED reports"
MILLISECONDS = 500
"""What the import takes at least, on any machine."""


def check(run: Run) -> None:
    plain = run.invoke({"kind": "other"})
    expect(plain.payload == "ok", saw=f"A plain event got {plain.shown}.", expected='"ok"', hint=2)
    init = run.events("platform.initReport")[0]["record"]["metrics"]["durationMs"]
    imported = any(IMPORTED in str(event["record"]) for event in run.events("function"))
    phase = "A plain event" if IMPORTED in plain.lines else f"The Init phase, which took {init:.0f} ms,"
    expect(
        not imported,
        saw=f"{phase} has imported reports.",
        expected="no import before an event needs it",
        hint=1,
    )
    report = run.invoke({"kind": "report"})
    expect(report.payload == "a report", saw=f"A report is {report.shown}.", expected='"a report"', hint=3)
    took = report.metrics["durationMs"]
    expect(
        IMPORTED in report.lines and took >= MILLISECONDS,
        saw=f"The first report took {took:.0f} ms, and its invocation wrote {report.lines}.",
        expected=f"that it imports the module reports as delivered, which takes {MILLISECONDS} ms",
        hint=3,
    )
