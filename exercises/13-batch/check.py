"""The good messages are worked on, and the bad ones are named."""

from learn.checks import Run, expect

BODIES = ["1", "two", "3", "4", "5", "6", "seven", "8", "9", "10"]
BAD = [{"itemIdentifier": "m1"}, {"itemIdentifier": "m6"}]
NOTHING_FAILED = (None, {}, {"batchItemFailures": []}, {"batchItemFailures": None})
"""These are the same for Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""


def check(run: Run) -> None:
    answer = run.invoke({"Records": [{"messageId": f"m{n}", "body": body} for n, body in enumerate(BODIES)]})
    expect(
        not answer.failed,
        saw=f"The batch failed as a whole: {answer.shown}.",
        expected="a response",
        hint=1,
    )
    worked = [line for line in answer.lines if line.startswith("worked on")]
    expect(
        sorted(worked) == sorted(f"worked on {body}" for body in BODIES if body.isdigit()),
        saw=f"The function wrote {worked}.",
        expected="that each of the eight good messages is worked on once",
        hint=3,
    )
    expect(
        answer.payload in ({"batchItemFailures": BAD}, {"batchItemFailures": BAD[::-1]}),
        saw=f"The messages m1 and m6 are bad, and the response is {answer.shown}.",
        expected='{"batchItemFailures": [...]} with an itemIdentifier for each of the two',
        hint=2,
    )
    good = run.invoke({"Records": [{"messageId": "a", "body": "4"}]})
    expect(
        good.payload in NOTHING_FAILED,
        saw=f"A batch without a bad message got {good.shown}.",
        expected="an empty list of failures",
        hint=2,
    )
