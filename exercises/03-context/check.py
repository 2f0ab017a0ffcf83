"""Id and time are those of the invocation."""

from learn.checks import Run, expect

PROPERTIES = {"Timeout": 7}


def check(run: Run) -> None:
    answer = run.invoke()
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    started = run.events("platform.start")[-1]["record"]
    expect(
        payload.get("id") == started["requestId"],
        saw=f"The function returned the id {payload.get('id')!r}, and the invocation had {started['requestId']!r}.",
        expected="the id of the invocation",
        hint=1,
    )
    expect(
        isinstance(payload.get("left"), int) and 6000 < payload["left"] <= 7000,
        saw=f"The function returned {payload.get('left')!r} as the time that is left.",
        expected="what is left of the seven seconds that this function has",
        hint=2,
    )
