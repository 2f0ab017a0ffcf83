"""The runtime alone, against a stand-in for the Runtime API: what it sends, when, and what it makes of errors."""

import base64
import json
from http.client import HTTPConnection
from typing import Any, Iterator, List

import pytest
from app import streaming_runtime
from runtime_api import RuntimeApi

PATIENCE = 30  # seconds


def serve(api: RuntimeApi, handler: Any) -> None:
    """Let the runtime serve the one event."""
    connection = HTTPConnection(api.address, timeout=PATIENCE)
    try:
        streaming_runtime.serve(connection, handler)
    finally:
        connection.close()


def sent(api: RuntimeApi) -> List[bytes]:
    """The pieces so far."""
    pieces = []
    while not api.pieces.empty():
        pieces.append(api.pieces.get())
    return pieces


def test_request_when_the_handler_yields_text_and_bytes(api: RuntimeApi) -> None:
    """One chunked request in streaming mode, a chunk for each piece; an empty piece would end it, so it is left out."""
    serve(api, lambda event, context: iter(["é", "", b"\x00", "end"]))
    (head,) = api.heads
    assert head[0] == "POST /2018-06-01/runtime/invocation/request-1/response HTTP/1.1"
    assert "Lambda-Runtime-Function-Response-Mode: streaming" in head
    assert "Transfer-Encoding: chunked" in head
    assert "Content-Type: application/octet-stream" in head
    assert sent(api) == ["é".encode(), b"\x00", b"end", b""]
    assert api.trailers == []


def test_request_when_the_first_piece_is_a_dict(api: RuntimeApi) -> None:
    """Status and headers are JSON and eight zero bytes, and the content type says so."""
    serve(api, lambda event, context: iter([{"statusCode": 201}, "body"]))
    assert "Content-Type: application/vnd.awslambda.http-integration-response" in api.heads[0]
    assert sent(api) == [b'{"statusCode": 201}' + bytes(8), b"body", b""]


def test_piece_when_the_handler_is_still_at_work(api: RuntimeApi) -> None:
    """Lambda has each piece before the handler is asked for the next one."""
    arrived = []

    def handler(event: Any, context: Any) -> Iterator[str]:
        for piece in ("first", "second"):
            yield piece
            arrived.append(api.pieces.get(timeout=PATIENCE))

    serve(api, handler)
    assert arrived == [b"first", b"second"]


def test_event_and_context_when_the_handler_is_called(api: RuntimeApi) -> None:
    """The handler gets the event as a value, and the request id."""
    serve(api, lambda event, context: iter([json.dumps([event, context.aws_request_id])]))
    assert json.loads(sent(api)[0]) == [{"queryStringParameters": {"rows": "2"}}, "request-1"]


def test_request_when_the_handler_fails_before_its_first_piece(api: RuntimeApi) -> None:
    """It is an error like that of any function, with a status for the caller."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        raise LookupError("no report")
        yield ""

    serve(api, handler)
    (head,) = api.heads
    assert head[0].startswith("POST /2018-06-01/runtime/invocation/request-1/error ")
    assert "Lambda-Runtime-Function-Error-Type: LookupError" in head
    assert json.loads(sent(api)[0])["errorMessage"] == "no report"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ([5], "yield text or bytes, not int; only the first piece may be a dict, the prelude"),
        ([{"headers": {"A"}}], "Object of type set is not JSON serializable"),
        ([{"row": 1}], "a dict as the first piece is the prelude, which has no row: yield json.dumps(...)"),
        (None, "the handler has to yield its response, and returned NoneType"),
        ({"statusCode": 200}, "the handler has to yield its response, and returned dict"),
    ],
)
def test_request_when_there_is_no_first_piece_to_send(api: RuntimeApi, response: Any, message: str) -> None:
    """What a handler must not return or yield first is an error with a status, too, and the runtime goes on."""
    serve(api, lambda event, context: iter(response) if isinstance(response, list) else response)
    assert api.heads[0][0].startswith("POST /2018-06-01/runtime/invocation/request-1/error ")
    error = json.loads(sent(api)[0])
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", message)


def test_trailers_when_a_later_piece_is_a_dict(api: RuntimeApi) -> None:
    """Only the first one may be: in the body it would be bytes that nobody expects."""
    serve(api, lambda event, context: iter([{"statusCode": 200}, {"row": 1}]))
    assert sent(api) == [b'{"statusCode": 200}' + bytes(8), b""]
    assert api.trailers[0] == "Lambda-Runtime-Function-Error-Type: TypeError"


def test_request_when_the_handler_yields_nothing(api: RuntimeApi) -> None:
    """The response is empty, as that of a function that has nothing to say."""
    serve(api, lambda event, context: iter([]))
    assert "/response " in api.heads[0][0]
    assert sent(api) == [b""]
    assert api.trailers == []


def test_trailers_when_the_handler_fails_later(api: RuntimeApi, capsys: pytest.CaptureFixture) -> None:
    """The body ends, and after it Lambda gets the error; the log has it too."""

    def handler(event: Any, context: Any) -> Iterator[str]:
        yield "row 1"
        raise LookupError("row 2 is lost")

    serve(api, handler)
    assert sent(api) == [b"row 1", b""]
    kind, body = (trailer.split(": ", 1)[1] for trailer in api.trailers)
    assert kind == "LookupError"
    error = json.loads(base64.b64decode(body))
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "row 2 is lost")
    assert "LookupError: row 2 is lost" in capsys.readouterr().err


def test_error_when_the_handler_cannot_be_imported(api: RuntimeApi) -> None:
    """Lambda gets to know why the environment cannot start."""
    connection = HTTPConnection(api.address, timeout=PATIENCE)
    with pytest.raises(SystemExit):
        streaming_runtime.main(connection, "app.missing.lambda_handler")
    connection.close()
    assert api.heads[0][0].startswith("POST /2018-06-01/runtime/init/error ")
    assert json.loads(sent(api)[0])["errorType"] == "ModuleNotFoundError"
