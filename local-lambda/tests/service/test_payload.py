"""What is accepted as an invocation's payload or client context, and what is refused in the service's words."""

from __future__ import annotations

import base64
import json

import pytest

from local_lambda.environment.documents import encode
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_ASYNC_EVENT_BYTES, MAX_EVENT_BYTES
from local_lambda.service.payload import check_json, check_size, client_context

JSON = {
    "empty": b"",
    "text": b'"gr\xc3\xbc\xc3\x9fe"',
    "number_of_5000_digits": b'{"n":' + b"9" * 5000 + b"}",
    "escaped_lone_surrogate": b'"\\ud800"',
    "nested_500_times": b"[" * 500 + b"]" * 500,
    "nested_as_deeply_as_allowed": b'{"a":[' * 449 + b"[[]]" + b"]}" * 449,
    "many_side_by_side": b"[" + b"[{}]," * 5000 + b"[]]",
    "many_of_20_levels_side_by_side": b"[" + b",".join([b"[" * 20 + b"]" * 20] * 500) + b"]",
    "many_of_40_levels_side_by_side": b"[" + b",".join([b"[" * 40 + b"]" * 40] * 500) + b"]",
    "brackets_in_a_string": b'{"[": "' + b"[{" * 5000 + b'\\\\"}',
    "brackets_behind_an_escaped_quote": b'["' + b'\\"[[' * 5000 + b'", "", "[", "[["]',
}
NOT_JSON = {
    "text": (b"no JSON", "Expecting value"),
    "constant": (b"NaN", "NaN is not JSON"),
    "not_utf8": (b'"\xff"', "can't decode"),
    "raw_lone_surrogate": (b'"\xed\xa0\x80"', "can't decode"),
    "nested_one_deeper_than_allowed": (b"[" * 901 + b"]" * 901, "it is nested too deeply"),
    "nested_deeply_behind_a_backslash": (b'["\\\\",' + b"[" * 900 + b"]" * 901, "it is nested too deeply"),
    "nested_deeply_with_brackets_in_strings": (
        b'["]]]]", ' + b'{"]":' * 900 + b"1" + b"}" * 900 + b"]",
        "it is nested too deeply",
    ),
    "nested_100000_times": (b"[" * 100_000 + b"]" * 100_000, "it is nested too deeply"),
    "objects_nested_100000_times": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "it is nested too deeply"),
    "mistake_behind_a_long_number": (b"[" + b"9" * 5000 + b", x]", "Expecting value"),
}


@pytest.mark.parametrize("payload", JSON.values(), ids=JSON)
def test_check_json_accepts_what_is_json(payload: bytes) -> None:
    """However strange."""
    check_json(payload)


@pytest.mark.parametrize(("payload", "words"), NOT_JSON.values(), ids=NOT_JSON)
def test_check_json_refuses_what_is_not(payload: bytes, words: str) -> None:
    """400, with the reason in the message."""
    with pytest.raises(ApiError) as refused:
        check_json(payload)
    error = refused.value
    assert (error.status, error.error_type) == (400, "InvalidRequestContentException")
    assert error.message.startswith("Could not parse request body into json: Could not parse payload into json: ")
    assert words in error.message


def test_check_size_knows_the_limit_of_each_kind() -> None:
    """6 MB, and 1 MB for an asynchronous invocation."""
    check_size(MAX_EVENT_BYTES, asynchronous=False)
    check_size(MAX_ASYNC_EVENT_BYTES, asynchronous=True)
    for size, asynchronous, kind in (
        (MAX_EVENT_BYTES, False, "RequestResponse"),
        (MAX_ASYNC_EVENT_BYTES, True, "Event"),
    ):
        with pytest.raises(ApiError, match=f"{size + 1} byte payload is too large for the {kind}") as refused:
            check_size(size + 1, asynchronous=asynchronous)
        assert (refused.value.status, refused.value.error_type) == (413, "RequestTooLargeException")


CONTEXTS = {
    "no_base64": b"%",
    "no_json": base64.b64encode(b"no JSON"),
    "nested_1300_times": base64.b64encode(b"[" * 1300 + b"]" * 1300),
    "too_long": b"x" * 3584,
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_client_context_that_is_bad_is_refused(context: bytes) -> None:
    """The response is a 400, never a 500."""
    with pytest.raises(ApiError) as refused:
        client_context(context)
    assert (refused.value.status, refused.value.error_type) == (400, "InvalidRequestContentException")


def test_client_context_is_one_line_of_ascii() -> None:
    """It goes into a header."""
    assert client_context(base64.b64encode('{"ü":\n"\\ud800"}'.encode())) == '{"\\u00fc": "\\ud800"}'


def test_encode_of_a_lone_surrogate_is_json() -> None:
    """An error that quotes one can be sent."""
    assert json.loads(encode({"message": "\ud800ü"})) == {"message": "\ud800ü"}
