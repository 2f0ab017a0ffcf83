"""Two invocations, one LOADING, before the first invocation."""

import json
import secrets

from learn.checks import Run, expect

PRICES = {"tea": 10 + secrets.randbelow(90), "cake": 100 + secrets.randbelow(900)}
PROPERTIES = {"Environment": {"Variables": {"PRICES": json.dumps(PRICES)}}}


def check(run: Run) -> None:
    answers = [run.invoke({"item": item}) for item in PRICES]
    expect(
        [answer.payload for answer in answers] == list(PRICES.values()),
        saw=f"For tea and cake the callers got {answers[0].shown} and {answers[1].shown}.",
        expected=f"the prices that are loaded: {PRICES['tea']} and {PRICES['cake']}",
        hint=2,
    )
    loaded = sum("LOADING" in str(event["record"]) for event in run.events("function"))
    expect(
        loaded == 1,
        saw=f"Two invocations of one environment loaded the prices {loaded} times.",
        expected="once",
        hint=1,
    )
    inside = [line for answer in answers for line in answer.lines if "LOADING" in line]
    expect(
        not inside,
        saw="The prices were loaded during the first invocation, so its caller waited.",
        expected="that they are loaded in the Init phase",
        hint=2,
    )
