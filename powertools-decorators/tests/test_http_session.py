"""The session: headers, regions, signatures, rows."""

import io
import json
import logging
from http import HTTPStatus
from unittest.mock import patch

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.adapters import HTTPAdapter

from conftest import Answer, location_of
from pypwext.base import InfoClassification
from pypwext.errors import PyPwExtInternalError
from pypwext.pwhttp import PyPwExtHTTPAdapter, PyPwExtHTTPSession, PyPwExtRetry

API = "https://abc123.execute-api.eu-west-1.amazonaws.com/dev/cities"


@pytest.fixture
def http():
    """A session with its defaults."""
    with PyPwExtHTTPSession() as session:
        yield session


def prepare(session, method="GET", url=API, **options):
    """Return what the session would send."""
    return session.prepare_request(requests.Request(method, url, **options))


class TestHeaders:
    def test_defaults_ask_for_json_when_nothing_is_set(self, http):
        """Content-Type and Accept are JSON, in addition to what requests sends."""
        headers = prepare(http).headers
        assert (headers["Content-Type"], headers["Accept"]) == ("application/json", "application/json")
        assert headers["User-Agent"].startswith("python-requests/")

    def test_request_wins_when_it_sets_a_header_in_any_case(self, http):
        """Headers have no case, so lower case wins as well."""
        assert prepare(http, headers={"content-type": "text/plain"}).headers["Content-Type"] == "text/plain"

    def test_sessions_are_apart_when_one_changes_a_header(self, http):
        """A header of one session does not show up in another."""
        http.headers["X-Mine"] = "1"
        assert "X-Mine" not in PyPwExtHTTPSession().headers

    def test_own_headers_replace_the_defaults_when_given(self):
        """headers= replaces the defaults of this package, not those of requests."""
        session = PyPwExtHTTPSession(headers={"X-Mine": "1"})
        assert session.headers["X-Mine"] == "1"
        assert "Content-Type" not in session.headers
        assert "User-Agent" in session.headers
        assert "Content-Type" not in PyPwExtHTTPSession(headers=None).headers


class TestRegion:
    @pytest.fixture
    def no_region(self, environment):
        environment.delenv("AWS_REGION")
        environment.delenv("AWS_DEFAULT_REGION")
        return environment

    def test_region_is_found_when_variable_is_set(self, environment):
        """AWS_REGION, then AWS_DEFAULT_REGION."""
        environment.setenv("AWS_REGION", "eu-north-1")
        assert PyPwExtHTTPSession().region == "eu-north-1"
        environment.delenv("AWS_REGION")
        assert PyPwExtHTTPSession().region == "eu-west-1"

    def test_argument_wins_when_given(self):
        """region= stands above the environment."""
        assert PyPwExtHTTPSession(region="us-east-1").region == "us-east-1"

    def test_region_is_found_when_profile_has_one(self, no_region, tmp_path):
        """On a laptop the region is in the profile."""
        config = tmp_path / "config"
        config.write_text("[default]\nregion = ap-south-1\n")
        no_region.setenv("AWS_CONFIG_FILE", str(config))
        assert PyPwExtHTTPSession().region == "ap-south-1"

    def test_session_is_refused_when_there_is_no_region(self, no_region):
        """Signing needs a region, and the error says what to do."""
        with pytest.raises(PyPwExtInternalError, match="AWS_REGION") as caught:
            PyPwExtHTTPSession()
        assert caught.value.code == HTTPStatus.INTERNAL_SERVER_ERROR

    def test_session_works_without_region_when_nothing_is_signed(self, no_region):
        """Plain HTTP needs none; calling a function then says so."""
        session = PyPwExtHTTPSession(api_gateway_mapping=False)
        with pytest.raises(PyPwExtInternalError, match="AWS_REGION"):
            session.func("orders")


class TestParts:
    def test_session_is_one_of_requests_when_asked(self, http):
        """Everything that takes a session takes this one, and it has its own status class."""
        assert isinstance(http, requests.Session)
        assert http.HTTPStatus.OK == 200

    def test_adapter_and_retry_are_positional_when_given(self):
        """The first two arguments are the transport and its retries."""
        adapter, retry = PyPwExtHTTPAdapter(timeout=10), PyPwExtRetry(total=3, backoff_factor=2)
        session = PyPwExtHTTPSession(adapter, retry)
        assert session.get_adapter("https://x.example") is adapter
        assert session.get_adapter("http://x.example") is adapter
        assert adapter.max_retries is retry

    def test_retries_are_ours_when_none_are_given(self, http):
        """The default adapter retries, and an adapter of requests without settings learns it."""
        assert isinstance(http.adapter.max_retries, PyPwExtRetry)
        assert isinstance(PyPwExtHTTPSession(HTTPAdapter()).adapter.max_retries, PyPwExtRetry)
        assert isinstance(PyPwExtHTTPSession(PyPwExtHTTPAdapter()).adapter.max_retries, PyPwExtRetry)

    @pytest.mark.parametrize("adapter_class", [HTTPAdapter, PyPwExtHTTPAdapter])
    def test_retries_are_kept_when_adapter_has_its_own(self, adapter_class):
        """An adapter that knows how often to retry keeps that."""
        assert PyPwExtHTTPSession(adapter_class(max_retries=2)).adapter.max_retries.total == 2

    def test_client_is_not_made_when_session_is(self, http):
        """The Lambda client costs time, so it waits until it is used."""
        assert http._caller._client is None

    def test_no_logger_is_made_when_none_is_given(self, http):
        """A session without a logger leaves logging alone."""
        assert http.logger is None
        assert http.adapter.logger is None


class TestSigning:
    @pytest.mark.parametrize("token", [None, "session-token"])
    def test_signature_is_that_of_botocore_when_host_is_api_gateway(self, environment, http, token):
        """Host, date and token are signed, and nothing a proxy may change."""
        if token:
            environment.setenv("AWS_SESSION_TOKEN", token)
        headers = prepare(http, "POST", API + "?b=2&a=1", data=b"the body", headers={"X-Mine": "1"}).headers
        signed = "host;x-amz-date" + (";x-amz-security-token" if token else "")
        assert f"SignedHeaders={signed}," in headers["Authorization"]
        assert "Credential=test-key/" in headers["Authorization"]
        assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
        assert headers.get("X-Amz-Security-Token") == token

        expected = AWSRequest("POST", API + "?b=2&a=1", data=b"the body")
        with patch("botocore.auth.SigV4Auth._set_necessary_date_headers"):
            expected.context["timestamp"] = headers["X-Amz-Date"]
            expected.headers["X-Amz-Date"] = headers["X-Amz-Date"]
            if token:
                expected.headers["X-Amz-Security-Token"] = token
            signer = SigV4Auth(Credentials("test-key", "test-secret", token), "execute-api", "eu-west-1")
            text = signer.string_to_sign(expected, signer.canonical_request(expected))
            assert headers["Authorization"].endswith("Signature=" + signer.signature(text, expected))

    @pytest.mark.parametrize(
        ("url", "scope"),
        [
            (API, "eu-west-1/execute-api"),
            (API.replace("https://", "HTTPS://").replace("abc123", "ABC123"), "eu-west-1/execute-api"),
            ("https://a.execute-api.eu-west-1.amazonaws.com:443/x", "eu-west-1/execute-api"),
            ("https://a.execute-api.eu-west-1.amazonaws.com:8443/x", "eu-west-1/execute-api"),
            ("https://a.execute-api.us-east-1.amazonaws.com", "us-east-1/execute-api"),
            ("https://a-vpce-0123.execute-api.us-east-1.amazonaws.com/x", "us-east-1/execute-api"),
            ("https://a.execute-api.cn-north-1.amazonaws.com.cn/x", "cn-north-1/execute-api"),
            ("https://a.lambda-url.eu-north-1.on.aws/x", "eu-north-1/lambda"),
        ],
    )
    def test_request_is_signed_when_host_is(self, http, url, scope):
        """The region is that of the host, whatever the session's own is."""
        assert f"/{scope}/aws4_request" in prepare(http, url=url).headers["Authorization"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/?u=.execute-api.eu-west-1.amazonaws.com",
            "https://evil.example/abc.execute-api.eu-west-1.amazonaws.com/",
            "https://evil.example#abc.execute-api.eu-west-1.amazonaws.com",
            "https://abc.execute-api.eu-west-1.amazonaws.com@evil.example/",
            "https://abc.execute-api.eu-west-1.amazonaws.com:x@evil.example/",
            "https://abc.execute-api.eu-west-1.amazonaws.com.evil.example/",
            "https://abc.execute-api.eu-west-1.evil.amazonaws.com/",
            "https://evil.example\\.execute-api.eu-west-1.amazonaws.com/",
            "https://execute-api.eu-west-1.amazonaws.com/",
            "https://abc.s3.eu-west-1.amazonaws.com/",
            "http://abc.execute-api.eu-west-1.amazonaws.com/",
            "https://api.example/",
        ],
    )
    def test_request_is_not_signed_when_url_only_looks_like_it(self, environment, http, url):
        """Only the host counts, and only over TLS: neither signature nor token go anywhere else."""
        environment.setenv("AWS_SESSION_TOKEN", "session-token")
        try:
            headers = prepare(http, url=url).headers
        except requests.exceptions.InvalidURL:
            return
        assert not {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} & set(headers) or headers[
            "Authorization"
        ].startswith("Basic ")
        assert "X-Amz-Security-Token" not in headers

    def test_request_is_not_signed_when_mapping_is_off(self):
        """api_gateway_mapping=False sends requests as they are."""
        assert "Authorization" not in prepare(PyPwExtHTTPSession(api_gateway_mapping=False)).headers

    def test_request_is_not_signed_when_it_has_its_own_auth(self, http):
        """An auth, of request or session, and an Authorization header win."""
        assert prepare(http, auth=("me", "pw")).headers["Authorization"].startswith("Basic ")
        assert prepare(http, headers={"authorization": "Bearer x"}).headers["Authorization"] == "Bearer x"
        http.auth = ("me", "pw")
        assert prepare(http).headers["Authorization"].startswith("Basic ")

    def test_request_is_refused_when_there_are_no_credentials(self, environment, http):
        """The error tells how to send it unsigned."""
        environment.delenv("AWS_ACCESS_KEY_ID")
        environment.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(PyPwExtInternalError, match="api_gateway_mapping=False"):
            prepare(http)

    def test_request_is_refused_when_body_can_be_read_only_once(self, http):
        """A generator cannot be signed and sent."""
        with pytest.raises(PyPwExtInternalError, match="bytes"):
            prepare(http, "POST", data=(part for part in (b"a", b"b")))

    def test_request_is_signed_when_body_is_a_file(self, http):
        """A file can be rewound."""
        assert "Signature=" in prepare(http, "POST", data=io.BytesIO(b"content")).headers["Authorization"]

    def test_credentials_are_frozen_for_each_request_when_they_refresh(self, http):
        """Credentials are looked up once, and asked again for each signature."""
        prepare(http)

        class Refreshing:
            keys = iter(["first", "second"])

            def get_frozen_credentials(self):
                return Credentials(next(self.keys), "secret").get_frozen_credentials()

        http._credentials._resolved = Refreshing()
        seen = [prepare(http).headers["Authorization"] for _ in range(2)]
        assert ["Credential=first/" in seen[0], "Credential=second/" in seen[1]] == [True, True]


class TestRows:
    def rows_for(self, log, server, session=None, **options):
        session = session or PyPwExtHTTPSession(logger=log.logger)
        with session:
            session.request(options.pop("method", "GET"), server.url + options.pop("path", "/"), **options)
        return log.rows

    def test_request_and_response_have_rows_when_there_is_a_logger(self, log, server):
        """What was sent and what came back, parsed where it is JSON; DEBUG and INFO."""
        server.script("/pay", Answer(201, b'{"id": 7}'))
        sent, received = self.rows_for(log, server, method="POST", path="/pay", data=b'{"amount": 5}')
        request = sent["message"]["request"]
        assert (sent["level"], received["level"]) == ("DEBUG", "INFO")
        assert (request["method"], request["url"]) == ("POST", server.url + "/pay")
        assert request["body"] == {"amount": 5}
        assert request["headers"]["Accept"] == "application/json"
        response = received["message"]["response"]
        assert (response["status"], response["body"]) == (201, {"id": 7})
        assert response["header"]["Content-Type"] == "application/json"

    def test_location_is_the_code_that_asks_when_request_is_logged(self, log, server):
        """The rows name the line that sent the request, not one of the libraries in between."""
        session = PyPwExtHTTPSession(logger=log.logger)

        def ask():
            session.get(server.url)

        ask()
        assert [location_of(row) for row in log.rows] == [("ask", ask.__code__.co_firstlineno + 1)] * 2

    def test_logger_can_be_of_the_standard_library_when_given(self, caplog, server):
        """Any logger will do."""
        caplog.set_level("DEBUG")
        PyPwExtHTTPSession(logger=logging.getLogger("standard")).get(server.url)
        assert [record.name for record in caplog.records if record.name == "standard"] == ["standard"] * 2

    def test_nothing_is_logged_when_there_is_no_logger(self, server, capsys):
        """Silence is the default."""
        PyPwExtHTTPSession().get(server.url)
        assert capsys.readouterr().out == ""

    def test_levels_and_classifications_are_as_given_when_set_on_the_adapter(self, log, server):
        """Both rows can be tuned."""
        adapter = PyPwExtHTTPAdapter(
            logger=log.logger,
            level="WARNING",
            out_level="ERROR",
            before_classification=InfoClassification.PII,
            after_classification=InfoClassification.AUTHORIZATION_INFO,
        )
        rows = self.rows_for(log, server, PyPwExtHTTPSession(adapter))
        assert [row["level"] for row in rows] == ["WARNING", "ERROR"]
        assert [row["classification"] for row in rows] == ["PII", "AUTHORIZATION_INFO"]

    @pytest.mark.parametrize(("variable", "levels"), [("INFO", ["INFO", "INFO"]), ("ERROR", ["DEBUG", "INFO"])])
    def test_levels_follow_the_variable_when_nothing_is_given(self, environment, log, server, variable, levels):
        """LOG_LEVEL lifts the rows up to INFO and never makes errors of them."""
        environment.setenv("LOG_LEVEL", variable)
        assert [row["level"] for row in self.rows_for(log, server)] == levels

    def test_secrets_are_hidden_when_logged(self, log, server):
        """Headers, cookies, query and JSON lose their secrets, in both directions."""
        server.script(
            "/login", Answer(200, b'{"access_token": "s3cret", "ok": true}', {"Set-Cookie": "id=s3cret", "X": "y"})
        )
        self.rows_for(
            log,
            server,
            method="POST",
            path="/login?api_key=s3cret&page=1",
            headers={"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "X-Amz-Security-Token": "s3cret"},
            cookies={"session": "s3cret"},
            data=json.dumps({"user": {"password": "s3cret", "name": "bob"}, "tokens": ["s3cret"]}),
        )
        assert "s3cret" not in log.text
        request = log.messages[0]["request"]
        assert request["url"].endswith("/login?api_key=***&page=1")
        assert request["body"] == {"user": {"password": "***", "name": "bob"}, "tokens": "***"}
        assert log.messages[1]["response"]["body"] == {"access_token": "***", "ok": True}
        assert log.messages[1]["response"]["header"]["X"] == "y"

    def test_secrets_are_hidden_when_in_forms_and_redirects(self, log, server):
        """Form fields and the URL of a redirect are looked at, too."""
        server.script("/form", Answer(302, b"", {"Location": "/next?token=s3cret#access_token=s3cret"}))
        self.rows_for(
            log,
            server,
            method="POST",
            path="/form",
            data="password=s3cret&name=bob",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert "s3cret" not in log.text
        assert log.messages[0]["request"]["body"] == "password=***&name=bob"

    def test_signature_is_hidden_when_request_is_signed(self, environment, log):
        """The signature and the token of a signed request do not get into the log."""
        environment.setenv("AWS_SESSION_TOKEN", "s3cret-token")
        with patch.object(HTTPAdapter, "send", side_effect=lambda *args, **kwargs: make_response()):
            PyPwExtHTTPSession(logger=log.logger).get(API)
        headers = log.messages[0]["request"]["headers"]
        assert headers["Authorization"] == headers["X-Amz-Security-Token"] == "***"
        assert "s3cret" not in log.text

    def test_further_names_are_hidden_when_given(self, log, server):
        """secrets= adds names of one's own; redact=False shows everything."""
        adapter = PyPwExtHTTPAdapter(logger=log.logger, secrets=["iban"])
        self.rows_for(log, server, PyPwExtHTTPSession(adapter), params={"iban": "s3cret"})
        assert "s3cret" not in log.text
        open_adapter = PyPwExtHTTPAdapter(logger=log.logger, redact=False)
        self.rows_for(log, server, PyPwExtHTTPSession(open_adapter), headers={"Authorization": "shown"})
        assert "shown" in log.text

    def test_password_is_hidden_when_it_is_in_the_url(self, log, server):
        """The userinfo of a URL is a secret."""
        PyPwExtHTTPSession(logger=log.logger).get(server.url.replace("://", "://me:s3cret@"))
        assert "s3cret" not in log.text

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            (b"plain text", "plain text"),
            (b"\xff\xfe", "<2 bytes>"),
            (b"x" * 70_000, "<70000 bytes>"),
            (b"", None),
        ],
    )
    def test_body_is_shown_when_it_is(self, log, server, body, shown):
        """Text as it is, binary and long bodies by their length."""
        server.script("/", Answer(200, body))
        assert self.rows_for(log, server)[1]["message"]["response"].get("body") == shown

    def test_body_is_left_alone_when_it_is_streamed(self, log, server):
        """A stream belongs to the caller."""
        server.script("/", Answer(200, b"streamed"))
        with PyPwExtHTTPSession(logger=log.logger) as session:
            response = session.get(server.url, stream=True)
            assert log.messages[1]["response"]["body"] == "<stream>"
            assert response.raw.read() == b"streamed"

    def test_failure_has_a_row_when_nobody_answers(self, log, server):
        """A request without a response does not go unseen, and its URL stays out of the reason."""
        server.close()
        session = PyPwExtHTTPSession(logger=log.logger, retry=PyPwExtRetry(total=0))
        with pytest.raises(requests.ConnectionError):
            session.get(server.url + "/?token=s3cret")
        assert log.messages[1]["response"] == {"error": "ConnectionError (NewConnectionError)"}
        assert "s3cret" not in log.text


def make_response(status=200, body=b"{}"):
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.request = requests.Request("GET", API).prepare()
    return response
