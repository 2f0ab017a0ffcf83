"""Id and time are those of the invocation, with two different timeouts."""

from learn.checks import Failed, Run, expect

PROPERTIES = {"Timeout": 7}


def check(run: Run) -> None:
    expect_facts(run, 0, 7)
    with run.again({"Timeout": 60}) as longer:
        expect_facts(longer, 7, 60)


def expect_facts(run: Run, least: int, timeout: int) -> None:
    """The function returns the id of this invocation, and more than `least` seconds, in milliseconds."""
    answer = run.invoke()
    if answer.failed:
        raise Failed(f"The function failed: {answer.shown}.", "a response")
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    request_id = run.events("platform.start")[-1]["record"]["requestId"]
    expect(
        payload.get("id") == request_id,
        saw=f"The function returned {answer.shown}, and the invocation had the id {request_id!r}.",
        expected="the id of the invocation under id",
        hint=1,
    )
    left = payload.get("left")
    expect(
        isinstance(left, int),
        saw=f"The function returned {left!r} as the time that is left.",
        expected="a whole number of milliseconds",
        hint=2,
    )
    expect(
        least * 1000 < left <= timeout * 1000,
        saw=f"The function returned {left} as the time that is left, and it has {timeout} seconds.",
        expected="the milliseconds that are left of them",
        hint=2,
    )
