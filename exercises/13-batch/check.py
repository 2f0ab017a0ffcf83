"""The good messages are worked on, and the bad one is named."""

from learn.checks import Run, expect


def check(run: Run) -> None:
    bodies = ["1", "two", "3"]
    answer = run.invoke({"Records": [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]})
    expect(
        not answer.failed,
        saw=f"The batch failed as a whole: {answer.shown}.",
        expected="a response",
        hint=1,
    )
    worked = [line for line in answer.lines if line.startswith("worked on")]
    expect(
        worked == ["worked on 1", "worked on 3"],
        saw=f"The function wrote {worked}.",
        expected="that both good messages are worked on",
        hint=3,
    )
    expect(
        answer.payload == {"batchItemFailures": [{"itemIdentifier": "m1"}]},
        saw=f"The response is {answer.shown}.",
        expected='{"batchItemFailures": [{"itemIdentifier": "m1"}]}',
        hint=2,
    )
    good = run.invoke({"Records": [{"messageId": "a", "body": "4"}]})
    expect(
        good.payload == {"batchItemFailures": []},
        saw=f"A batch without a bad message got {good.shown}.",
        expected="an empty list",
        hint=2,
    )
