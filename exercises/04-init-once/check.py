"""Two invocations, one LOADING, before the first invocation."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    answers = [run.invoke({"item": item}) for item in ("tea", "cake")]
    expect(
        [answer.payload for answer in answers] == [3, 4],
        saw=f"The prices were {answers[0].shown} and {answers[1].shown}.",
        expected="3 and 4",
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
