"""Subscription requests: what is granted, and the response to everything that is not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local_lambda.apis import logs_2020_08_15, telemetry_2022_07_01
from local_lambda.apis.errors import answering_errors, json_error
from local_lambda.apis.logs_2020_08_15 import LOGS_API
from local_lambda.apis.router import Router
from local_lambda.apis.telemetry_2022_07_01 import TELEMETRY_API
from local_lambda.errors import ApiError
from local_lambda.http.server import Exchange, Server
from local_lambda.http.sockets import listen
from local_lambda.telemetry.registry import PRIVATE_HOSTS, Subscriptions
from local_lambda.telemetry.request import Buffering, Destination, SubscriptionApi, parse_subscription
from support.telemetry_listeners import LOOPBACK, run

URI = "http://sandbox.localdomain:4243"
APIS = (LOGS_API, TELEMETRY_API)


def request(api: SubscriptionApi, **members: Any) -> dict[str, Any]:
    """A good request, with some members replaced; None takes one away."""
    good = {
        "schemaVersion": api.schemas[-1],
        "types": ["platform", "function"],
        "destination": {"protocol": "HTTP", "URI": URI},
    }
    return {name: value for name, value in {**good, **members}.items() if value is not None}


def http(**members: Any) -> dict[str, Any]:
    """An HTTP destination."""
    return {"destination": {"protocol": "HTTP", "URI": URI, **members}}


def tcp(**members: Any) -> dict[str, Any]:
    """A TCP destination."""
    return {"destination": {"protocol": "TCP", "port": 4243, **members}}


def refusal(api: SubscriptionApi, body: bytes) -> tuple[int, str, str]:
    """Status, error type and message of the response to a request."""
    with pytest.raises(ApiError) as raised:
        parse_subscription(api, body)
    return raised.value.status, raised.value.error_type, raised.value.message


@pytest.mark.parametrize("api", APIS)
def test_parse_without_buffering_takes_the_defaults(api: SubscriptionApi) -> None:
    """10,000 records, 256 KB, one second; POST to the root of the listener."""
    subscription = parse_subscription(api, json.dumps(request(api)).encode())
    assert subscription.types == ("platform", "function")
    assert subscription.buffering == Buffering(10_000, 262_144, 1_000)
    assert subscription.destination == Destination("HTTP", "sandbox.localdomain", 4243, "/", "POST")


def test_parse_without_a_schema_takes_the_first_of_the_logs_api_only() -> None:
    """`schemaVersion` may be missing in the Logs API."""
    assert (
        parse_subscription(LOGS_API, json.dumps(request(LOGS_API, schemaVersion=None)).encode()).schema == "2020-08-15"
    )
    assert refusal(TELEMETRY_API, json.dumps(request(TELEMETRY_API, schemaVersion=None)).encode())[0] == 400


@pytest.mark.parametrize(("api", "schema"), [(api, schema) for api in APIS for schema in api.schemas])
def test_parse_with_each_schema_takes_it(api: SubscriptionApi, schema: str) -> None:
    """Every schema of the API is served."""
    assert parse_subscription(api, json.dumps(request(api, schemaVersion=schema)).encode()).schema == schema


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("members", "destination"),
    [
        (http(URI="http://sandbox:1/logs"), Destination("HTTP", "sandbox", 1, "/logs")),
        (http(URI="http://SANDBOX.localdomain:65535?a=b"), Destination("HTTP", "sandbox.localdomain", 65535, "/?a=b")),
        (http(method="PUT", encoding="JSON"), Destination("HTTP", "sandbox.localdomain", 4243, "/", "PUT")),
        (tcp(), Destination("TCP", "sandbox.localdomain", 4243)),
        (tcp(port=1025, URI="ignored"), Destination("TCP", "sandbox.localdomain", 1025)),
    ],
)
def test_parse_with_a_destination_takes_it(
    api: SubscriptionApi, members: dict[str, Any], destination: Destination
) -> None:
    """Both host names of the sandbox, any path, both methods, both protocols."""
    body = json.dumps(request(api, **members)).encode()
    assert parse_subscription(api, body, PRIVATE_HOSTS).destination == destination


@pytest.mark.parametrize("api", APIS)
def test_parse_with_buffering_at_its_limits_takes_it(api: SubscriptionApi) -> None:
    """The limits themselves are allowed."""
    for items, size, timeout in ((1_000, 262_144, 25), (10_000, 1_048_576, 30_000)):
        buffering = {"maxItems": items, "maxBytes": size, "timeoutMs": timeout}
        body = json.dumps(request(api, buffering=buffering)).encode()
        assert parse_subscription(api, body).buffering == Buffering(items, size, timeout)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["function", "function"]}, "types should be unique"),
        ({"buffering": {"maxItems": 999}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxItems": 10_001}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 262_143}}, "maxBytes should be between 262144 and 1048576"),
        ({"buffering": {"maxBytes": 1_048_577}}, "maxBytes should be between 262144 and 1048576"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs should be between 25 and 30000"),
        ({"buffering": {"timeoutMs": 30_001}}, "timeoutMs should be between 25 and 30000"),
        (http(URI="http://sandbox.localdomain"), "URI port is not provided"),
        (http(URI="http://sandbox.localdomain:0"), "invalid destination port"),
        (http(URI="http://sandbox.localdomain:65536"), "invalid destination port"),
        (http(URI="http://sandbox.localdomain:x"), "invalid destination port"),
        (http(URI="http://sandbox.localdomain:9001/logs"), "port 9001 is reserved"),
        (http(URI="http://me@sandbox.localdomain:4243"), "invalid destination URI"),
        (http(URI="http://sandbox.localdomain:4243/#part"), "invalid destination URI"),
        (http(URI="http://sandbox.localdomain:4243/a b"), "invalid destination URI"),
        (http(URI="http://sandbox.localdomain:4243/\r\nHost: x"), "invalid destination URI"),
        (http(URI="http://sandbox.localdomain:4243/é"), "invalid destination URI"),
        (http(URI="http://[sandbox:4243"), "invalid destination URI"),
        (tcp(port=9001), "port 9001 is reserved"),
        (tcp(port=1024), "port should be between 1025 and 65535"),
        (tcp(port=65_536), "port should be between 1025 and 65535"),
        (
            {"types": [], **http(URI="http://sandbox.localdomain")},
            "URI port is not provided; types should not be empty",
        ),
        (
            {"buffering": {"maxItems": 1, "maxBytes": 1, "timeoutMs": 1}},
            "maxItems should be between 1000 and 10000; maxBytes should be between 262144 and 1048576; "
            "timeoutMs should be between 25 and 30000",
        ),
    ],
)
def test_parse_with_what_cannot_be_granted_names_every_reason(
    api: SubscriptionApi, members: dict[str, Any], message: str
) -> None:
    """400 `ValidationError`, the reasons joined."""
    kind = "Logs.ValidationError" if api is LOGS_API else "ValidationError"
    assert refusal(api, json.dumps(request(api, **members)).encode()) == (400, kind, message)


def test_parse_with_a_schema_of_the_other_api_is_refused() -> None:
    """Each API names what it supports."""
    for schema in ("2022-07-01", "2022-12-13", "1999-01-01"):
        assert refusal(LOGS_API, json.dumps(request(LOGS_API, schemaVersion=schema)).encode()) == (
            400,
            "Logs.ValidationError",
            "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18",
        )
    for other in (None, "2020-08-15", "2021-03-18", "1999-01-01"):
        assert refusal(TELEMETRY_API, json.dumps(request(TELEMETRY_API, schemaVersion=other)).encode()) == (
            400,
            "ValidationError",
            "TelemetryAPI only supports the SchemaVersion released after 2021-03-18",
        )


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"types": None}, "missing field `types`"),
        ({"destination": None}, "missing field `destination`"),
        ({"destination": {}}, "missing field `protocol`"),
        ({"destination": {"protocol": "HTTP"}}, "missing field `URI`"),
        ({"destination": {"protocol": "TCP"}}, "missing field `port`"),
        ({"destination": "here"}, 'invalid type: string "here", expected a map'),
        ({"types": "function"}, 'invalid type: string "function", expected a sequence'),
        ({"types": [1]}, "invalid type: integer `1`, expected a string"),
        ({"types": [None]}, "invalid type: null, expected a string"),
        ({"types": ["metrics"]}, "unknown variant `metrics`, expected one of `platform`, `function`, `extension`"),
        ({"schemaVersion": 2022}, "invalid type: integer `2022`, expected a string"),
        ({"buffering": []}, "invalid type: sequence, expected a map"),
        ({"buffering": {"maxItems": "1000"}}, 'invalid type: string "1000", expected an unsigned integer'),
        (
            {"buffering": {"maxBytes": 262144.0}},
            "invalid type: floating point `262144.0`, expected an unsigned integer",
        ),
        ({"buffering": {"timeoutMs": True}}, "invalid type: boolean `true`, expected an unsigned integer"),
        ({"buffering": {"timeoutMs": -1}}, "invalid value: integer `-1`, expected an unsigned integer"),
        (http(protocol="UDP"), "unknown variant `UDP`, expected `HTTP` or `TCP`"),
        (http(method="GET"), "unknown variant `GET`, expected `POST` or `PUT`"),
        (http(encoding="XML"), "unknown variant `XML`, expected `JSON`"),
        (tcp(port="4243"), 'invalid type: string "4243", expected an unsigned integer'),
    ],
)
def test_parse_with_what_is_no_subscription_names_the_first_fault(
    api: SubscriptionApi, members: dict[str, Any], message: str
) -> None:
    """400 `DeserializationError`."""
    document = request(api, **members)
    assert refusal(api, json.dumps(document).encode()) == (400, f"{api.name}.DeserializationError", message)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"null", b"1" * 5_000])
def test_parse_with_what_is_no_json_object_is_refused(api: SubscriptionApi, body: bytes) -> None:
    """400 `DeserializationError` with the parser's text, never an internal error."""
    assert refusal(api, body)[:2] == (400, f"{api.name}.DeserializationError")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("https://sandbox.localdomain:4243", "Only 'http' scheme is supported."),
        ("sandbox.localdomain:4243", "Only 'http' scheme is supported."),
        ("", "Only 'http' scheme is supported."),
        ("http://example.com:4243", "Only 'sandbox.localdomain' hostname is supported."),
        ("http://localhost:4243", "Only 'sandbox.localdomain' hostname is supported."),
        ("http://127.0.0.1", "Only 'sandbox.localdomain' hostname is supported."),
        ("http://:4243", "Only 'sandbox.localdomain' hostname is supported."),
        ("http:4243", "Only 'sandbox.localdomain' hostname is supported."),
    ],
)
def test_parse_with_a_destination_elsewhere_is_denied(api: SubscriptionApi, uri: str, message: str) -> None:
    """403 `AccessDenied`: records stay inside the environment."""
    body = json.dumps(request(api, **http(URI=uri))).encode()
    assert refusal(api, body) == (403, f"{api.name}.AccessDenied", message)


def test_hosts_of_an_environment_without_private_names_include_the_loopback() -> None:
    """Only where there is no sandbox may an extension listen on `localhost`."""
    without = Subscriptions(lambda event: None, str, private_hosts=False)
    body = json.dumps(request(LOGS_API, **http(URI="http://localhost:4243"))).encode()
    assert parse_subscription(LOGS_API, body, without.hosts).destination.host == "localhost"
    with pytest.raises(ApiError, match="hostname"):
        parse_subscription(LOGS_API, body, Subscriptions(lambda event: None, str).hosts)


class Host:
    """What the API modules need of an environment, with one extension."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.subscriptions = subscriptions
        self.extensions = self

    def name_of(self, identifier: str | None) -> str:
        """The name of the extension."""
        if identifier != "known":
            raise ApiError(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        return "collector"


async def ask(port: int, method: str, path: str, body: bytes, identifier: str = "known") -> tuple[int, Any]:
    """Status and JSON body of the response to a request."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nLambda-Extension-Identifier: {identifier}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), json.loads(answer.partition(b"\r\n\r\n")[2])


def test_put_over_a_real_port_when_good_and_when_bad() -> None:
    """The responses of both APIs as an extension reads them."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        subscriptions = Subscriptions(lambda event: None, lambda host: LOOPBACK, loop)
        host = Host(subscriptions)

        def unknown(exchange: Exchange) -> ApiError:
            raise AssertionError(exchange.path)

        router = Router({**logs_2020_08_15.routes(host), **telemetry_2022_07_01.routes(host)}, unknown)
        server = Server(answering_errors(router.serve, json_error), listen(LOOPBACK, 0), 100_000)
        await server.start()
        port = int(server.address.rpartition(":")[2])
        logs, telemetry = "/2020-08-15/logs", "/2022-07-01/telemetry"
        good = json.dumps(request(LOGS_API)).encode()
        assert await ask(port, "PUT", logs, b"{}") == (
            400,
            {"errorType": "Logs.DeserializationError", "errorMessage": "missing field `types`"},
        )
        assert await ask(port, "POST", logs, good) == (
            405,
            {"errorType": "MethodNotAllowed", "errorMessage": "POST is not allowed on this path"},
        )
        assert (await ask(port, "PUT", logs, good, "unknown"))[0] == 403
        assert await ask(port, "PUT", logs, good) == (200, "OK")
        assert await ask(port, "PUT", logs, good) == (200, "OK")
        assert await ask(port, "PUT", telemetry, json.dumps(request(TELEMETRY_API)).encode()) == (
            400,
            {
                "errorType": "Telemetry.AccessDenied",
                "errorMessage": "The extension collector is already subscribed to the LogsAPI. "
                "You must either subscribe to the LogsAPI or the TelemetryAPI",
            },
        )
        subscriptions.close()
        for path, kind, message in (
            (logs, "Logs.SubscriptionClosed", "Logs API subscription is closed already"),
            (telemetry, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed"),
        ):
            assert await ask(port, "PUT", path, good) == (403, {"errorType": kind, "errorMessage": message})
        subscriptions.end()
        server.close()

    run(test)
