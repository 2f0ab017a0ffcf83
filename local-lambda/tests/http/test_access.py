"""The one rule of who may call: names of this machine, and no page of another site but those that are allowed."""

from __future__ import annotations

import pytest

from local_lambda.http.access import LOOPBACK, Access
from local_lambda.http.head import Head
from support.http_site import Site


def head(host: str = "localhost", **headers: str) -> Head:
    """A request with this host; `Sec_Fetch_Site="none"` is that header."""
    fields = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    return Head(b"GET", b"/", lines.encode())


OURS = (
    "localhost",
    "LocalHost:8080",
    "localhost.",
    "bucket.localhost",
    "bucket.s3.localhost:4566",
    "127.0.0.1",
    "127.255.1.2:80",
    "[::1]",
    "[::1]:8080",
)
OTHERS = (
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "127.0.0.1@evil.example",
    "evil.example/localhost",
    "0.0.0.0",
    "10.0.0.1",
    "[::]",
    "[fe80::1]",
    "127.1",
    "2130706433",
    "localhost:",
    "localhost:80:80",
    "sandbox.localdomain",
)


@pytest.mark.parametrize("host", OURS)
def test_loopback_name_is_served(host: str) -> None:
    """With or without a port, in any case."""
    assert LOOPBACK.refusal(head(host)) is None


@pytest.mark.parametrize("host", OTHERS)
def test_other_name_is_refused(host: str) -> None:
    """It may be a web site's that leads here; the reason names what to do."""
    reason = LOOPBACK.refusal(head(host))
    assert reason is not None
    assert f"Host {host} is not" in reason
    assert "--allow-host" in reason


def test_request_without_a_host_is_served() -> None:
    """Only programs of HTTP/1.0 send none; browsers always do."""
    assert LOOPBACK.refusal(Head(b"GET", b"/", b"", old=True)) is None


def test_host_of_a_url_counts() -> None:
    """It overrides the header."""
    assert LOOPBACK.refusal(Head(b"GET", b"http://evil.example/", b"\r\nHost: localhost")) is not None


def test_allowed_name_is_served() -> None:
    """And the one to listen on; no other."""
    access = Access(["lambda.test", "192.168.1.5", "::1"])
    assert access.refusal(head("Lambda.Test:80")) is None
    assert access.refusal(head("192.168.1.5:8080")) is None
    assert access.refusal(head("192.168.1.6:8080")) is not None
    assert access.refusal(head("a.lambda.test")) is not None
    assert Access(["*"]).refusal(head("any.example")) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_served_when_all_are_listened_on(host: str) -> None:
    """A name could still be a web site's: only addresses."""
    access = Access([host])
    assert access.refusal(head("192.168.1.5:8080")) is None
    assert access.refusal(head("[fe80::1]")) is None
    assert access.refusal(head("evil.example")) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://localhost:3000", "Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://[::1]:1"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin"},
    ],
    ids=str,
)
def test_page_of_this_machine_is_served(headers: dict[str, str]) -> None:
    """Its own, one of another port, and an address that was typed."""
    assert LOOPBACK.refusal(head("localhost:8080", **headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "null"},
        {"Origin": "file://"},
        {"Origin": "chrome-extension://abc"},
        {"Origin": "http://"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "anything"},
    ],
    ids=str,
)
def test_page_of_another_site_is_refused(headers: dict[str, str]) -> None:
    """Also one without an origin, and one that forms of a page send."""
    reason = LOOPBACK.refusal(head("localhost:8080", **headers))
    assert reason is not None
    assert "--allow-origin" in reason


def test_page_that_is_allowed_is_served() -> None:
    """By its whole origin."""
    access = Access(origins=["https://app.example/"])
    assert access.refusal(head(Origin="https://app.example", Sec_Fetch_Site="cross-site")) is None
    assert access.refusal(head(Origin="https://app.example:8443")) is not None
    assert access.refusal(head(Origin="http://app.example")) is not None
    assert Access(origins=["*"]).refusal(head(Origin="null")) is None


def test_page_that_a_route_lets_in_is_served() -> None:
    """A route with CORS settings decides about its own pages; it has no say about host names."""
    access = Access(cors=lambda head: head.path == b"/")
    assert access.refusal(head(Origin="https://app.example")) is None
    assert access.refusal(head("evil.example", Origin="https://app.example")) is not None


def test_refusal_is_403_and_nothing_is_run() -> None:
    """In a form that SDKs of AWS read; a body that still comes is not taken."""
    asked: list[str] = []
    with Site(lambda exchange: asked.append("app")) as site:
        wire = site.wire().send(b"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n{")
        answer = wire.answer()
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
        assert "evil.example" in answer.json["message"]
        assert wire.closed()
        wire = site.wire().send(b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n")
        assert wire.answer().status == 403
        assert asked == []
