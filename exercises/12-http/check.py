"""The response has the shape that API Gateway reads."""

import json

from learn.checks import Run, expect


def check(run: Run) -> None:
    answer = run.invoke({"id": 7})
    payload = answer.payload if isinstance(answer.payload, dict) else {}
    expect(
        payload.get("statusCode") == 201,
        saw=f"The response is {answer.shown}.",
        expected="statusCode 201",
        hint=1,
    )
    body = payload.get("body")
    expect(
        isinstance(body, str) and json.loads(body) == {"id": 7},
        saw=f"The body is {body!r}.",
        expected="a string with JSON in it",
        hint=2,
    )
    headers = {str(name).lower(): value for name, value in (payload.get("headers") or {}).items()}
    expect(
        headers.get("content-type") == "application/json",
        saw=f"The headers are {payload.get('headers')!r}.",
        expected="Content-Type: application/json",
        hint=3,
    )
