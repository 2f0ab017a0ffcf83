"""The two handlers, called as Lambda calls them; the public IP comes from the local stand-in or from nowhere."""

import base64
import json
import logging
from typing import Any, Callable, Iterator

import checkip
import pytest
from app import api, fn_hello, greeting, tracing

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


@pytest.fixture(scope="module")
def check_ip_url() -> Iterator[str]:
    """The address of a service that tells a public IP."""
    with checkip.serving() as url:
        yield url


@pytest.fixture(autouse=True)
def local_check_ip(check_ip_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves this machine."""
    monkeypatch.setenv("CHECK_IP_URL", check_ip_url)


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], Any]:
    """Takes the messages the function has logged since the last call."""
    caplog.set_level(logging.INFO)

    def take() -> Any:
        taken = [record.getMessage() for record in caplog.records if record.name.startswith("app.")]
        caplog.clear()
        return taken

    return take


def test_lambda_handler_when_the_event_is_right(event: Callable[[str], Any], context: Any) -> None:
    """The response holds the greeting and the result, and nothing else."""
    answer = fn_hello.lambda_handler(event("hello"), context)
    assert answer == greeting.process_request(event("hello"))
    assert list(answer) == ["greeting", "result"]


@pytest.mark.parametrize(
    ("name", "error"), [("throw-error", greeting.SimpleException), ("missing-field", greeting.InvalidRequest)]
)
def test_lambda_handler_when_the_work_fails(event: Callable[[str], Any], context: Any, name: str, error: Any) -> None:
    """The exception leaves the handler, for Lambda to report."""
    with pytest.raises(error):
        fn_hello.lambda_handler(event(name), context)


def test_log_when_invoked_twice(
    event: Callable[[str], Any], context: Any, messages: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module's random value stays, the other one is new for each invocation."""
    values = iter([111111, 7])
    monkeypatch.setattr(fn_hello.random, "randrange", lambda _: next(values))
    monkeypatch.setattr(fn_hello, "ENVIRONMENT_VALUE", 42)
    logged = []
    for _ in range(2):
        fn_hello.lambda_handler(event("hello"), context)
        logged.append(messages()[0])
    assert logged == [
        "Execution context: 000042 stays while warm, 111111 is new each time",
        "Execution context: 000042 stays while warm, 000007 is new each time",
    ]


def test_log_when_invoked(
    event: Callable[[str], Any], context: Any, messages: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log tells the function context, the chosen variables, the runtime and the public IP."""
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.8")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "must stay secret")
    fn_hello.lambda_handler(event("public-ip"), context)
    _, function, request, variables, runtime, public_ip = messages()
    assert function == "Function: HelloFunction $LATEST, 256 MB"
    assert request == "Request: 3f1c5e0a-7d0b-4b52-9a53-1d1d4f1f7a11, 29998 ms left"
    assert "'AWS_EXECUTION_ENV': 'AWS_Lambda_python3.8'" in variables
    assert "secret" not in variables
    assert str(tracing.get_runtime_info()) in runtime
    assert public_ip == f"Public IP: {checkip.PUBLIC_IP}"


def test_public_ip_when_not_asked_for(
    event: Callable[[str], Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No service on the network is called unless the event asks for it."""
    monkeypatch.setattr(fn_hello, "get_public_ip", lambda: pytest.fail("called"))
    fn_hello.lambda_handler(event("hello"), context)


def test_lambda_handler_when_the_service_is_down(
    event: Callable[[str], Any], context: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that does not respond costs a warning in the log, never the response."""
    monkeypatch.setenv("CHECK_IP_URL", NOWHERE)
    assert fn_hello.lambda_handler(event("public-ip"), context) == greeting.process_request(event("hello"))
    (warning,) = [record for record in caplog.records if record.name == "app.tracing"]
    assert warning.getMessage().startswith(f"No public IP from {NOWHERE}: ")


def test_public_ip_when_the_service_answers_with_an_error(check_ip_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page that comes with an error status is not a public IP."""
    monkeypatch.setenv("CHECK_IP_URL", check_ip_url + "not-found")
    assert tracing.get_public_ip() is None


def test_api_when_the_request_is_right(event: Callable[[str], Any], context: Any) -> None:
    """The HTTP response is a 200 with the same answer as JSON text."""
    response = api.lambda_handler(event("api-process"), context)
    assert response["statusCode"] == 200
    assert response["headers"] == {"Content-Type": "application/json"}
    assert json.loads(response["body"]) == greeting.process_request(event("hello"))


def test_api_when_the_body_is_base64(event: Callable[[str], Any], context: Any) -> None:
    """API Gateway sends a body it takes for binary as base64, and the response is the same."""
    body = base64.b64encode(json.dumps(event("hello")).encode()).decode()
    response = api.lambda_handler({**event("api-process"), "body": body, "isBase64Encoded": True}, context)
    assert json.loads(response["body"]) == greeting.process_request(event("hello"))


def test_api_when_the_event_is_of_an_http_api(event: Callable[[str], Any], context: Any) -> None:
    """An HTTP API sends another event (format 2.0) with the body in the same place."""
    http_api_event = {"version": "2.0", "routeKey": "POST /process", "body": json.dumps(event("hello"))}
    assert api.lambda_handler(http_api_event, context)["statusCode"] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"body": None},
        {"body": ""},
        {"body": "{"},
        {"body": "[" * 100000},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": "/w==", "isBase64Encoded": True},
    ],
    ids=["none", "empty", "cut off", "too deep", "not base64", "not text"],
)
def test_api_when_the_body_is_not_json(event: Callable[[str], Any], context: Any, change: Any) -> None:
    """A body that is not JSON is the caller's mistake: 400."""
    response = api.lambda_handler({**event("api-process"), **change}, context)
    assert (response["statusCode"], json.loads(response["body"])) == (400, {"error": "The body must be JSON"})


@pytest.mark.parametrize("not_from_api_gateway", [{}, [], None])
def test_api_when_the_event_is_not_from_api_gateway(context: Any, not_from_api_gateway: Any) -> None:
    """An event without a body, as from a direct invocation, gets a 400 as well."""
    assert api.lambda_handler(not_from_api_gateway, context)["statusCode"] == 400


def test_api_when_a_field_is_missing(event: Callable[[str], Any], context: Any) -> None:
    """A wrong request is the caller's mistake: 400, with the reason."""
    api_event = {**event("api-process"), "body": json.dumps(event("missing-field"))}
    response = api.lambda_handler(api_event, context)
    assert (response["statusCode"], json.loads(response["body"])) == (400, {"error": "age is missing"})


def test_api_when_the_caller_wants_an_error(
    event: Callable[[str], Any], context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The error becomes a 500 without the stack trace, which only the log shows."""
    api_event = {**event("api-process"), "body": json.dumps(event("throw-error"))}
    response = api.lambda_handler(api_event, context)
    assert response["statusCode"] == 500
    assert json.loads(response["body"]) == {"error": "Sorry, but the caller wants me to throw an error"}
    (error,) = [record for record in caplog.records if record.exc_info]
    assert error.exc_info
    assert error.exc_info[0] is greeting.SimpleException


def test_api_when_the_code_is_wrong(event: Callable[[str], Any], context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the code itself leaves the handler, so that Lambda counts the invocation as failed."""

    def broken(_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(api, "process_request", broken)
    with pytest.raises(ZeroDivisionError):
        api.lambda_handler(event("api-process"), context)
