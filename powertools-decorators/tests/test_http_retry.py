"""Retries, back-off, timeouts and redirects, against a server on the loopback interface."""

import pytest
import requests
from urllib3.util import Timeout

from conftest import Answer, Context
from pypwext import deadline
from pypwext.errors import PyPwExtErrorHandler
from pypwext.pwhttp import PyPwExtHTTPAdapter, PyPwExtHTTPSession, PyPwExtRetry
from pypwext.service import PyPwExtService

BUSY = Answer(503, b"busy")
FINE = Answer(200, b"fine")


@pytest.fixture
def http():
    """A session with its defaults."""
    with PyPwExtHTTPSession() as session:
        yield session


class TestDefaults:
    def test_retry_has_its_defaults_when_created(self):
        """Eleven retries of what can be repeated."""
        retry = PyPwExtRetry()
        assert (retry.total, retry.backoff_factor) == (11, 1)
        assert set(retry.status_forcelist) == {429, 500, 502, 503, 504}
        assert set(retry.allowed_methods) == {"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"}

    def test_options_are_kept_when_state_moves_on(self):
        """What was configured holds for all attempts."""
        retry = PyPwExtRetry(total=3, backoff_factor=2, status_forcelist=[500], allowed_methods=["POST"], connect=1)
        following = retry.increment("POST", "/", error=None, response=None)
        assert isinstance(following, PyPwExtRetry)
        assert (following.total, following.backoff_factor, following.connect) == (2, 2, 1)
        assert list(following.allowed_methods) == ["POST"]

    def test_timeout_is_half_a_minute_when_not_given(self):
        """The adapter's timeout is 30 seconds unless it is given another."""
        assert PyPwExtHTTPAdapter().timeout == 30
        assert PyPwExtHTTPAdapter(timeout=10).timeout == 10


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_request_is_repeated_when_status_is(self, http, server, sleeps, status):
        """A status that may pass is tried again; the first retry follows immediately."""
        server.script("/", Answer(status), Answer(status), FINE)
        assert http.get(server.url).text == "fine"
        assert len(server.received) == 3
        assert sleeps == [2]

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS"])
    def test_request_is_repeated_when_method_is(self, http, server, sleeps, method):
        """Methods that do no harm when repeated are."""
        server.script("/", BUSY, FINE)
        assert http.request(method, server.url).status_code == 200

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    def test_request_is_not_repeated_when_method_is(self, http, server, sleeps, method):
        """Others might order twice."""
        server.script("/", BUSY, FINE)
        assert http.request(method, server.url).status_code == 503
        assert len(server.received) == 1

    @pytest.mark.parametrize("status", [400, 404, 501])
    def test_request_is_not_repeated_when_status_is_final(self, http, server, sleeps, status):
        """A response that will not change is handed over."""
        server.script("/", Answer(status), FINE)
        assert http.get(server.url).status_code == status

    def test_backoff_grows_when_server_stays_busy(self, http, server, sleeps):
        """0, 2, 4, 8 ... up to 120 seconds; then the last response is returned, not an exception."""
        server.script("/", BUSY)
        response = http.get(server.url)
        assert (response.status_code, response.text) == (503, "busy")
        assert len(server.received) == 12
        assert sleeps == [2, 4, 8, 16, 32, 64, 120, 120, 120, 120]

    def test_server_decides_when_it_says_how_long_to_wait(self, http, server, sleeps):
        """Retry-After is respected."""
        server.script("/", Answer(503, b"", {"Retry-After": "7"}), FINE)
        assert http.get(server.url).text == "fine"
        assert sleeps == [7]

    def test_request_is_repeated_when_connection_fails(self, http, server, sleeps):
        """So is a request that reached no server."""
        server.close()
        session = PyPwExtHTTPSession(retry=PyPwExtRetry(total=3))
        with pytest.raises(requests.ConnectionError):
            session.get(server.url)
        assert sleeps == [2, 4]


class TestDeadline:
    def test_retrying_ends_when_waiting_would_take_too_long(self, http, server, sleeps):
        """With ten seconds left, the wait of 8 seconds fits, the one of 16 does not."""
        server.script("/", BUSY)
        with deadline.invocation(Context(remaining=10)):
            response = http.get(server.url)
        assert response.status_code == 503
        assert sleeps == [2, 4, 8]

    def test_server_is_not_obeyed_when_it_asks_for_too_much(self, http, server, sleeps):
        """A server that wants a minute does not get it from an invocation that has ten seconds."""
        server.script("/", Answer(429, b"", {"Retry-After": "60"}))
        with deadline.invocation(Context(remaining=10)):
            assert http.get(server.url).status_code == 429
        assert sleeps == []

    def test_error_is_raised_in_time_when_nobody_answers(self, server, sleeps):
        """A connection error comes while there is time to handle it."""
        server.close()
        with deadline.invocation(Context(remaining=3)), pytest.raises(requests.ConnectionError):
            PyPwExtHTTPSession().get(server.url)
        assert sleeps == [2]

    @pytest.mark.parametrize("kind", ["handler", "response", "collect", "method", "inject"])
    def test_deadline_is_known_when_handler_has_a_decorator(self, http, server, sleeps, log, kind):
        """Each decorator that sees the Lambda context makes it known."""
        server.script("/", BUSY)
        decorate = {
            "handler": PyPwExtService().handler,
            "response": PyPwExtService().response,
            "collect": PyPwExtErrorHandler().collect(root=True),
            "method": log.logger.method,
            "inject": log.logger.inject_lambda_context,
        }[kind]

        @decorate
        def handler(event, context):
            return http.get(server.url).status_code

        assert handler({}, Context(remaining=10)) == 503
        assert sleeps == [2, 4, 8]
        assert deadline.remaining_seconds() is None

    def test_deadline_is_known_when_handler_is_a_method(self, log):
        """A handler may be a method, and may be called by keyword."""

        class Service:
            @log.logger.method
            def handler(self, event, context):
                return deadline.remaining_seconds()

        assert Service().handler({}, Context(remaining=7)) == 7
        assert Service().handler(event={}, context=Context(remaining=8)) == 8

    @pytest.mark.parametrize("context", [None, object(), "context"])
    def test_deadline_is_unknown_when_argument_is_no_context(self, log, context):
        """Any second argument of any function is fine."""

        @log.logger.method
        def function(event, something):
            return deadline.remaining_seconds()

        assert function({}, context) is None

    def test_timeout_shrinks_when_time_is_short(self, http, monkeypatch):
        """No attempt may take longer than the invocation has left, less what the function keeps to itself."""
        seen = []

        def send(self, request, **kwargs):
            seen.append(kwargs["timeout"].clone())
            response = requests.Response()
            response.status_code = 200
            return response

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
        http.get("http://x.example")
        with deadline.invocation(Context(remaining=5)):
            http.get("http://x.example")
            http.get("http://x.example", timeout=(1, 20))
            http.get("http://x.example", timeout=(None, 2))
        with deadline.invocation(Context(remaining=0)):
            http.get("http://x.example")
        assert [(timeout.connect_timeout, timeout._read) for timeout in seen] == [
            (30, 30),
            (4.5, 4.5),
            (1, 4.5),
            (4.5, 2),
            (0.001, 0.001),
        ]

    def test_timeout_is_kept_when_it_is_one_of_urllib3(self, http, monkeypatch):
        """Who passes an object has decided."""
        seen = []

        def send(self, request, **kwargs):
            seen.append(kwargs["timeout"])
            response = requests.Response()
            response.status_code = 200
            return response

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
        timeout = Timeout(3)
        http.get("http://x.example", timeout=timeout)
        assert seen == [timeout]


class TestRedirects:
    def test_redirect_is_followed_when_server_sends_one(self, http, server):
        """As with requests."""
        server.script("/old", Answer(302, b"", {"Location": "/new"}))
        server.script("/new", FINE)
        assert http.get(server.url + "/old").text == "fine"

    def make_chain(self, monkeypatch, *locations):
        """Let the transport answer with redirects to the given places, and return what was sent."""
        sent, answers = [], list(locations)

        def send(self, request, **kwargs):
            sent.append(request)
            response = requests.Response()
            response.request, response.url, response._content = request, request.url, b""
            response.raw = type("Raw", (), {"_original_response": None, "read": lambda *a, **k: b""})()
            response.status_code = 307 if answers else 200
            if answers:
                response.headers["Location"] = answers.pop(0)
            return response

        monkeypatch.setattr(PyPwExtHTTPAdapter, "send", send)
        return sent

    API = "https://abc.execute-api.eu-west-1.amazonaws.com/dev/old"

    def test_signature_stays_behind_when_redirect_leads_elsewhere(self, environment, http, monkeypatch):
        """Neither signature nor session token go to the new host."""
        environment.setenv("AWS_SESSION_TOKEN", "session-token")
        sent = self.make_chain(monkeypatch, "https://evil.example/x")
        http.post(self.API, data=b"body")
        assert sent[0].headers["X-Amz-Security-Token"] == "session-token"
        assert not {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} & set(sent[1].headers)

    def test_request_is_signed_anew_when_redirect_leads_to_another_path(self, http, monkeypatch):
        """A signature holds for one URL, so the new one gets its own."""
        sent = self.make_chain(monkeypatch, "/dev/new", "https://def.execute-api.us-east-1.amazonaws.com/")
        http.post(self.API, data=b"body")
        signatures = [request.headers["Authorization"] for request in sent]
        assert len(set(signatures)) == 3
        assert "/us-east-1/" in signatures[2]

    def test_own_authorization_is_left_to_requests_when_redirected(self, http, monkeypatch):
        """What the caller set is treated as requests treats it: kept on the same host, dropped on another."""
        sent = self.make_chain(monkeypatch, "/dev/new", "https://evil.example/x")
        http.get(self.API, headers={"Authorization": "Bearer x"})
        assert [request.headers.get("Authorization") for request in sent] == ["Bearer x", "Bearer x", None]
