"""After three invocations and the end of the environment, three have been sent."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    for _ in range(3):
        answer = run.invoke()
        expect(not answer.failed, saw=f"The caller got {answer.shown}.", expected='"ok"', hint=2)
    run.end()
    sent = [str(event["record"]).strip() for event in run.events("extension") if "sent" in str(event["record"])]
    expect(
        sent == ["sent 3"],
        saw=f"After three invocations and the end of the environment the extension has written {sent}.",
        expected="['sent 3']",
        hint=1,
    )
