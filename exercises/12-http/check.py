"""The response has the shape that API Gateway reads."""

import json

from learn.checks import Run, expect


def check(run: Run) -> None:
    for number in (7, 12):
        answer = run.invoke({"id": number})
        payload = answer.payload if isinstance(answer.payload, dict) else {}
        expect(
            payload.get("statusCode") == 201,
            saw=f"The response is {answer.shown}.",
            expected="statusCode 201",
            hint=1,
        )
        body = payload.get("body")
        expect(
            isinstance(body, str) and parsed(body) == {"id": number},
            saw=f"For the order {number} the body is {body!r}.",
            expected=f'a string with the JSON {{"id": {number}}} in it',
            hint=2,
        )
        headers = payload.get("headers")
        pairs = headers.items() if isinstance(headers, dict) else ()
        kinds = [str(value).partition(";")[0].strip() for name, value in pairs if name.lower() == "content-type"]
        expect(
            kinds == ["application/json"],
            saw=f"The headers are {headers!r}.",
            expected="Content-Type: application/json",
            hint=3,
        )


def parsed(text: str) -> object:
    """The value of a JSON text, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None
