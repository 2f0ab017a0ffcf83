"""The Init phase is short, and a report still works."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    plain = run.invoke({"kind": "other"})
    expect(plain.payload == "ok", saw=f"A plain event got {plain.shown}.", expected='"ok"', hint=3)
    imported = any("IMPORTED" in str(event["record"]) for event in run.events("function"))
    init = run.events("platform.initReport")[0]["record"]["metrics"]["durationMs"]
    expect(
        not imported,
        saw=f"The Init phase took {init:.0f} ms, and has imported reports.",
        expected="an Init phase without that import",
        hint=1,
    )
    report = run.invoke({"kind": "report"})
    expect(report.payload == "a report", saw=f"A report is {report.shown}.", expected='"a report"', hint=3)
