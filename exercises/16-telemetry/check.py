"""The extension prints a duration for each invocation."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    for _ in range(2):
        answer = run.invoke()
        expect(not answer.failed, saw=f"The caller got {answer.shown}.", expected='"ok"', hint=2)
    run.end()
    lines = [str(event["record"]).strip() for event in run.events("extension") if "took" in str(event["record"])]
    kinds = [kind for event in run.events("platform.telemetrySubscription") for kind in event["record"]["types"]]
    expect(
        len(lines) == 2,
        saw=f"The subscription is to {kinds}, and the extension has printed {len(lines)} durations.",
        expected="one for each of two invocations",
        hint=1,
    )
