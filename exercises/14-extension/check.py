"""The extension asks for events, and the function can be invoked."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    asked = run.events("local.extensionNext")
    expect(
        bool(asked),
        saw=f"The extension has registered, but never asked for an event. The caller got {answer.shown}.",
        expected="GET /2020-01-01/extension/event/next",
        hint=1,
    )
    expect(not answer.failed, saw=f"The caller got {answer.shown}.", expected='"ok"', hint=2)
    again = run.invoke()
    expect(
        not again.failed,
        saw=f"The second invocation failed: {again.shown}.",
        expected="that the extension asks again after each event",
        hint=3,
    )
    run.end()
    ends = [event["record"] for event in run.events("local.processExited") if "watcher" in str(event["record"])]
    expect(
        bool(ends) and ends[-1].get("exitCode") == 0,
        saw="The extension had to be killed at the end.",
        expected="that it ends after the event SHUTDOWN",
        hint=3,
    )
