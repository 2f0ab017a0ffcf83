"""What is left when the environment ends has been sent, and nothing if nothing is left."""

import secrets

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    left = 4 + secrets.randbelow(5)
    expect_sent(run, left, [f"sent {left}"], hint=1)
    with run.again({}) as new:
        expect_sent(new, 10, ["sent 10"], hint=3)


def expect_sent(run: Run, count: int, wanted: list, hint: int) -> None:
    """After so many invocations and the end of the environment, these lines have been written."""
    for _ in range(count):
        answer = run.invoke()
        if answer.failed:
            raise Failed(f"The caller got {answer.shown}. The extension wrote {written(run)[-1:]}.", '"ok"')
    run.end()
    sent = [line for line in written(run) if line.startswith("sent ")]
    exits = [event["record"] for event in run.events("local.processExited")]
    code = max((record["exitCode"] for record in exits if record["process"].startswith("extension:")), default=-9)
    ended = "" if code == 0 else f" It failed: {written(run)[-1:]}."
    if code < 0:
        ended = " It did not end, and was killed after two seconds."
    expect(
        sent == wanted and not ended,
        saw=f"After {count} invocations and the end of the environment the extension has written {sent}.{ended}",
        expected=f"{wanted}, and then the end of the extension",
        hint=hint,
    )


def written(run: Run) -> list:
    """The lines that the extension wrote."""
    return [str(event["record"]).strip() for event in run.events("extension")]
