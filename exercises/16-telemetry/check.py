"""The extension prints the duration that is in each `platform.report`."""

import re

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    for _ in range(2):
        answer = run.invoke()
        if answer.failed:
            raise Failed(f"The caller got {answer.shown}. The extension wrote {printed(run)[-1:]}.", '"ok"')
    run.end()
    took = [float(found[1]) for line in printed(run) if (found := re.match(r"took (\d+\.?\d*)", line))]
    reported = [event["record"]["metrics"]["durationMs"] for event in run.events("platform.report")]
    kinds = [kind for event in run.events("platform.telemetrySubscription") for kind in event["record"]["types"]]
    expect(
        len(took) == len(reported),
        saw=f"The subscription is to {kinds}, and the extension has printed {len(took)} durations.",
        expected="one for each of two invocations",
        hint=1,
    )
    expect(
        sorted(took) == sorted(reported),
        saw=f"The extension has printed {took}, and the records platform.report have {reported}.",
        expected="the durationMs of each platform.report",
        hint=2,
    )


def printed(run: Run) -> list:
    """The lines of the extension."""
    return [str(event["record"]).strip() for event in run.events("extension")]
