"""The extension asks for each event until the event is SHUTDOWN, and then ends."""

import secrets

from learn.checks import Failed, Run, expect


def check(run: Run) -> None:
    answer = run.invoke()
    expect_start(run, answer.shown)
    expect(
        bool(of_extension(run, "local.extensionNext")),
        saw=f"The extension has registered, but never asked for an event. The caller got {answer.shown}.",
        expected="GET /2020-01-01/extension/event/next",
        hint=1,
    )
    for _ in range(3 + secrets.randbelow(5)):
        report = run.events("platform.report")[-1]["record"]
        expect(
            report["status"] == "success",
            saw=f"An invocation ended with {report.get('errorType', report['status'])}.{wrote(run)}",
            expected="that the extension asks again after each event, until the event is SHUTDOWN",
            hint=3,
        )
        run.invoke()
    run.end()
    codes = [event["record"]["exitCode"] for event in of_extension(run, "local.processExited")]
    end = f"failed.{wrote(run)}" if max(codes, default=-9) > 0 else "did not end, and had to be killed."
    expect(
        set(codes) == {0},
        saw=f"After the event SHUTDOWN the extension {end}",
        expected="that it ends after this event",
        hint=3,
    )


def expect_start(run: Run, shown: str) -> None:
    """The extension has been started, and has registered."""
    states = [event["record"] for event in run.events("platform.extension")]
    if not states:
        raise Failed("Lambda has not found an extension.", "a program in the folder layer/extensions")
    if states[0]["state"] == "LaunchError":
        raise Failed(f"The extension could not be started. The caller got {shown}.", "a program that can be executed")
    if not states[0]["events"]:
        raise Failed(f"The extension has not registered.{wrote(run)} The caller got {shown}.", "POST /register")


def wrote(run: Run) -> str:
    """The last line that the extension wrote, which says why it failed."""
    return "".join(f" It wrote: {str(event['record']).strip()}." for event in run.events("extension")[-1:])


def of_extension(run: Run, kind: str) -> list:
    """The events of this kind that are about an extension."""
    return [event for event in run.events(kind) if event["record"]["process"].startswith("extension:")]
