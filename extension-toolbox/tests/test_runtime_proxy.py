"""The proxy between a runtime and a Lambda that are both the test's."""

import contextlib
import json
import queue
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, List, Tuple

import changes
import pytest
import runtime_proxy

NEXT = "/2018-06-01/runtime/invocation/next"
RESPONSE = "/2018-06-01/runtime/invocation/request-1/response"


class Lambda(ThreadingHTTPServer):
    """A Runtime API."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.responses: List[Tuple[str, bytes, Any]] = []


class Api(BaseHTTPRequestHandler):
    """Gives events and takes responses."""

    protocol_version = "HTTP/1.1"
    server: Lambda

    def do_GET(self) -> None:
        self.answer(200, self.server.events.get())

    def do_POST(self) -> None:
        self.server.responses.append((self.path, self.rfile.read(int(self.headers["Content-Length"])), self.headers))
        self.answer(202, b'{"status": "OK"}')

    def answer(self, status: int, body: bytes) -> None:
        """Send a response with Lambda's headers."""
        self.send_response(status)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # a proxy that did not wait for it has gone
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    """Lambda, where the proxy finds it."""
    with Lambda() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", f"127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


@pytest.fixture
def runtime(service: Lambda) -> Iterator[HTTPConnection]:
    """The connection of a runtime to the proxy."""
    with ThreadingHTTPServer(("127.0.0.1", 0), runtime_proxy.Handler) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        connection = HTTPConnection("127.0.0.1", proxy.server_address[1], timeout=30)
        yield connection
        connection.close()
        proxy.shutdown()


def call(runtime: HTTPConnection, method: str, path: str, body: bytes = b"", **headers: str) -> Tuple[int, bytes, Any]:
    """Status, body and headers of a response."""
    runtime.request(method, path, body, headers)
    response = runtime.getresponse()
    return response.status, response.read(), response.headers


def test_event_when_passed_on(service: Lambda, runtime: HTTPConnection) -> None:
    """It has a field more, and all headers of Lambda."""
    service.events.put(b'{"a": 1}')
    status, body, headers = call(runtime, "GET", NEXT)
    assert (status, json.loads(body)) == (200, {"a": 1, "correlation": "request-1"})
    assert headers.get_all("Lambda-Runtime-Aws-Request-Id") == ["request-1"]


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (b"{}", b'{"correlation": "r"}'),
        (b' {"price": 12345678901234567.10, "e": "\xc3\xa9\\u00e9"}', b' {"correlation": "r", '),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", b'{"correlation": "r", '),
    ],
)
def test_event_when_it_gets_the_field(event: bytes, changed: bytes) -> None:
    """The field comes first; numbers, escapes and spaces of the others are those that Lambda has sent."""
    got = changes.change_event(event, "r")
    assert got == changed.rstrip(b"}") + (b"}" if event == b"{}" else event.lstrip(b" {"))
    assert json.loads(got)["correlation"] == "r"


@pytest.mark.parametrize("event", [b"[1]", b"null", b'"text"', b"no JSON", b"\xff{}", b"[" * 100000])
def test_event_when_it_is_not_an_object(service: Lambda, runtime: HTTPConnection, event: bytes) -> None:
    """It has no place for a field, and stays as it is."""
    service.events.put(event)
    assert call(runtime, "GET", NEXT)[1] == event


def test_response_when_it_has_card_numbers(service: Lambda, runtime: HTTPConnection) -> None:
    """Lambda gets the last four digits. Headers are passed on, and Lambda's status comes back."""
    body = b'{"card": "4000123412341234", "order": 12345}'
    assert call(runtime, "POST", RESPONSE, body, **{"Lambda-Runtime-Function-Response-Mode": "x"})[0] == 202
    ((path, got, headers),) = service.responses
    assert (path, got) == (RESPONSE, b'{"card": "************1234", "order": 12345}')
    assert headers["Lambda-Runtime-Function-Response-Mode"] == "x"


@pytest.mark.parametrize(
    ("response", "changed"),
    [
        (b"0.8414709848078965", b"0.8414709848078965"),
        (b'{"id": 4000123412341234}', b'{"id": 4000123412341234}'),
        (b'["4000123412341234"]', b'["************1234"]'),
        (b"4000123412341234 is no JSON", b"4000123412341234 is no JSON"),
        (b'{"a": "\\"", "b": 4000123412341234}', b'{"a": "\\"", "b": 4000123412341234}'),
        (b'{"a": "\\\\", "b": 4000123412341234}', b'{"a": "\\\\", "b": 4000123412341234}'),
    ],
)
def test_response_when_digits_are_no_text(response: bytes, changed: bytes) -> None:
    """A number keeps its digits: with stars in it, the response would not be JSON."""
    assert changes.change_response(response) == changed


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("card 4000123412341234.", "card ************1234."),
        ("4000123412341234,4000123412345678", "************1234,************5678"),
        (r"a\n4000123412341234", r"a\n************1234"),
        (r"\u00e94000123412341234\u00e9", r"\u00e9************1234\u00e9"),
        ("é4000123412341234é", "é************1234é"),
        (r"{\"card\": \"4000123412341234\"}", r"{\"card\": \"************1234\"}"),
        ("40001234123412345", "40001234123412345"),
        ("x4000123412341234", "x4000123412341234"),
        ("4000 1234 1234 1234", "4000 1234 1234 1234"),
    ],
)
def test_text_when_it_has_digits(text: str, hidden: str) -> None:
    """A number of sixteen digits is hidden if it is a word, also behind an escape and in the name of a field."""
    for form in ('["%s"]', '{"a": "%s"}', '{"%s": 1}'):
        assert changes.change_response((form % text).encode()).decode() == form % hidden


@pytest.mark.parametrize(
    "response",
    [
        b'{"price": 12345678901234567.10, "large": 1e400, "space" : [ 1 ,2]}',
        '{"a": "é \\u00e9 \\ud800"}'.encode(),
        b"[" * 900 + b"]" * 900,
        b'"' + "é".encode() * 2000000 + b'"',
        b'"' + b'\\"' * 1000000 + b'"',
        b'"' + b"a" * 1000000,
    ],
    ids=["numbers", "escapes", "depth", "size", "quotes", "cut off"],
)
def test_response_when_it_has_no_card_number(response: bytes) -> None:
    """Not one byte changes, so a response that Lambda accepts does not become too large."""
    assert changes.change_response(response) == response


def test_event_when_it_has_the_field(service: Lambda, runtime: HTTPConnection) -> None:
    """The caller's correlation stays."""
    service.events.put(b'{"correlation": "mine"}')
    assert json.loads(call(runtime, "GET", NEXT)[1]) == {"correlation": "mine"}


def test_error_when_passed_on(service: Lambda, runtime: HTTPConnection) -> None:
    """Only responses are changed."""
    path = "/2018-06-01/runtime/invocation/request-1/error"
    call(runtime, "POST", path, b"4000123412341234")
    assert service.responses[0][:2] == (path, b"4000123412341234")


def test_answer_when_streamed(service: Lambda, runtime: HTTPConnection) -> None:
    """The proxy says that it cannot do that, instead of passing on half of it."""
    runtime.putrequest("POST", RESPONSE)
    runtime.putheader("Transfer-Encoding", "chunked")
    runtime.endheaders()  # without a chunk: the proxy answers at once, and then takes no more
    assert runtime.getresponse().status == 501
    assert service.responses == []


def test_answer_when_it_does_not_wait(
    service: Lambda, runtime: HTTPConnection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The naive way: a timeout is an error for the runtime, which ends."""
    monkeypatch.setattr(runtime_proxy.Handler, "timeout_of_lambda", 0.05)
    assert call(runtime, "GET", NEXT)[0] == 504
    assert f"[runtime-proxy] GET {NEXT}: timed out" in capsys.readouterr().out
    service.events.put(b"")  # the thread of the API ends


def test_answer_when_lambda_is_gone(runtime: HTTPConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime learns that there is no event."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
    assert call(runtime, "GET", NEXT)[0] == 504
