"""The same order has the same key, also if it comes again later with another in between."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    keys = []
    for order in ("o-1", "o-2", "o-1"):
        answer = run.invoke({"order": order, "amount": 10})
        expect(
            isinstance(answer.payload, dict) and "key" in answer.payload,
            saw=f"The function returned {answer.shown}.",
            expected="a charge with a key",
            hint=3,
        )
        keys.append(answer.payload["key"])
    expect(
        keys[0] == keys[2],
        saw=f"The order o-1 was delivered twice, with the keys {keys[0]} and {keys[2]}.",
        expected="the same key",
        hint=1,
    )
    expect(
        keys[0] != keys[1],
        saw=f"The orders o-1 and o-2 both have the key {keys[0]}.",
        expected="different keys",
        hint=2,
    )
