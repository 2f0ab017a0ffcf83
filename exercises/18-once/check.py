"""The same order has the same key, also if the second delivery comes to a new environment."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    key = charge(run, "o-1")
    other = charge(run, "o-2")
    expect(key != other, saw=f"The orders o-1 and o-2 both have the key {key}.", expected="different keys", hint=2)
    again = charge(run, "o-1")
    expect(
        again == key,
        saw=f"The order o-1 was delivered twice, with the keys {key} and {again}.",
        expected="the same key",
        hint=1,
    )
    with run.again({}) as new:
        charge(new, "o-3")
        later = charge(new, "o-1")
    expect(
        later == key,
        saw=f"The order o-1 was delivered again, to a new environment. Its keys are {key} and {later}.",
        expected="the same key, which no memory of the environment can give",
        hint=2,
    )


def charge(run: Run, order: str) -> object:
    """The key that an order gets."""
    answer = run.invoke({"order": order, "amount": 10})
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    expect(
        "key" in payload and payload.get("amount") == 10,
        saw=f"The function returned {answer.shown}.",
        expected="a charge with a key, and with the amount 10 that is in the event",
        hint=3,
    )
    return payload["key"]
