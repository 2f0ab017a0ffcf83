"""`@http.method`: functions that describe requests."""

import asyncio
import dataclasses
from http import HTTPStatus
from typing import Any, Dict, List, Mapping, Optional
from unittest.mock import patch

import pytest
import requests

from conftest import Answer
from pypwext.errors import (
    PyPwExtErrorHandler,
    PyPwExtHTTPError,
    PyPwExtInternalError,
    get_current_collector,
)
from pypwext.pwhttp import PyPwExtHTTPSession, PyPwExtRetry


@pytest.fixture
def http():
    """A session that does not wait for a server to recover."""
    with PyPwExtHTTPSession(retry=PyPwExtRetry(total=0)) as session:
        yield session


class TestTemplates:
    def test_templates_are_rendered_when_called(self, environment, http, server):
        """Arguments and environment fill in URL, parameters and headers, also those of defaults."""
        environment.setenv("API_URL", server.url)
        environment.setenv("STAGE", "dev")

        @http.method(
            url="{API_URL}/{STAGE}/{country}",
            params={"q": "{country}", "stage": "{STAGE}", "page": 3, "size": "{size}"},
            headers={"X-Country": "{country}"},
        )
        def cities(country, size=10, response: Optional[requests.Response] = None):
            return response.status_code

        assert cities("S/E") == 200
        request = server.received[0]
        assert request.path == "/dev/S%2FE?q=S%2FE&stage=dev&page=3&size=10"
        assert request.headers["X-Country"] == "S/E"

    def test_second_call_has_its_own_arguments_when_first_differed(self, http, server):
        """The templates are read again for each call and never written."""
        headers, params = {"X-Id": "{number}"}, {"id": "{number}"}

        @http.method(url=server.url + "/{number}", headers=headers, params=params)
        def get(number, response_code=None):
            return response_code

        assert [get(1), get(2)] == [200, 200]
        assert [r.path for r in server.received] == ["/1?id=1", "/2?id=2"]
        assert [r.headers["X-Id"] for r in server.received] == ["1", "2"]
        assert (headers, params) == ({"X-Id": "{number}"}, {"id": "{number}"})

    def test_secret_is_not_sent_when_argument_names_it(self, http, server):
        """An argument is text, whatever it looks like."""

        @http.method(url=server.url + "/{name}", params={"q": "{name}"}, headers={"X": "{name}"})
        def get(name, response_code=None):
            return response_code

        get("{AWS_SECRET_ACCESS_KEY}")
        request = server.received[0]
        assert "test-secret" not in request.path + str(request.headers)

    def test_parameter_is_left_out_when_argument_is_none(self, http, server):
        """None alone is nothing to send; with text around it, it is the text None."""

        @http.method(url=server.url, params={"a": "{a}", "b": "{b}", "c": "c{a}"})
        def get(a, b, response=None):
            return response

        get(None, 0)
        assert server.received[0].path == "/?b=0&c=cNone"

    @pytest.mark.parametrize(
        "options",
        [
            {"url": "{MISSING_URL}"},
            {"url": "{missing}"},
            {"params": {"a": "{missing}"}},
            {"headers": {"a": "{missing}"}},
        ],
    )
    def test_call_is_refused_when_something_is_missing(self, http, server, options):
        """What a template needs and is not there is an error of the service, before anything is sent."""

        @http.method(**{"url": server.url, **options})
        def get(response=None):
            return response

        with pytest.raises(PyPwExtInternalError):
            get()
        assert server.received == []

    def test_rest_arguments_fill_in_templates_when_given(self, http, server):
        """**kwargs are arguments like others."""

        @http.method(url=server.url + "/{name}", body="data", method="POST")
        def get(response=None, **values):
            return values

        assert get(name="x", data={"a": 1}) == {"name": "x", "data": {"a": 1}}
        assert (server.received[0].path, server.received[0].body) == ("/x", b'{"a": 1}')
        with pytest.raises(PyPwExtInternalError, match="data"):
            get(name="x")

    def test_self_is_no_obstacle_when_function_is_a_method(self, http, server):
        """Methods get their self and their arguments."""

        class Api:
            name = "api"

            @http.method(url=server.url + "/{number}")
            def get(self, number, response_code=None):
                return self.name, number, response_code

        assert Api().get(5) == ("api", 5, 200)


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", " Patch "])
    def test_method_is_sent_when_it_is(self, http, server, method):
        """All methods, in any case."""

        @http.method(method=method, url=server.url)
        def call(response_code=None):
            return response_code

        assert call() == 200
        assert server.received[0].method == method.strip().upper()

    @pytest.mark.parametrize("method", ["xGETx", "", "TRACE", "FUNCTION"])
    def test_method_is_refused_when_it_is(self, http, method):
        """An unknown method is found when the module is loaded, not when it is called."""
        with pytest.raises(PyPwExtInternalError, match="unsupported method"):

            @http.method(method=method, url="http://x.example")
            def call():
                """Never called."""

    def test_decorator_works_when_bare(self, http):
        """Without arguments there is no URL, which requests refuses."""

        @http.method
        def call():
            """Never called."""

        with pytest.raises(PyPwExtHTTPError):
            call()

    def test_redirect_is_not_followed_when_method_is_head(self, http, server):
        """HEAD asks about one URL, as with requests."""
        server.script("/", Answer(302, b"", {"Location": "/other"}))

        @http.method(method="HEAD", url=server.url)
        def call(response_code=None):
            return response_code

        assert call() == 302

    @pytest.mark.parametrize(("verify_ssl", "verify"), [(True, True), (False, False)])
    def test_certificate_is_verified_when_asked(self, http, server, verify_ssl, verify):
        """verify_ssl=False accepts any certificate."""

        @http.method(url=server.url, verify_ssl=verify_ssl)
        def call(response_code=None):
            return response_code

        with patch("requests.sessions.Session.send", return_value=make_response()) as send:
            call()
        assert (send.call_args[1]["verify"] is not False) is verify


@dataclasses.dataclass
class Customer:
    name: str = "bob"


class TestBody:
    @pytest.mark.parametrize(
        ("value", "sent"),
        [
            ("täxt", "täxt".encode()),
            (b"\xff", b"\xff"),
            ({"a": {1}}, b'{"a": [1]}'),
            ([1, 2], b"[1, 2]"),
            (Customer(), b'{"name": "bob"}'),
            (5, b"5"),
            (None, b""),
            ("", b""),
        ],
    )
    def test_body_is_sent_when_it_is(self, http, server, value, sent):
        """Text and bytes as they are, anything else as JSON."""

        @http.method(method="POST", url=server.url, body="data")
        def post(data, response_code=None):
            return response_code

        assert post(value) == 200
        assert server.received[0].body == sent

    def test_body_is_bytes_when_it_was_text(self, http):
        """What reaches the session's send is bytes."""

        @http.method(method="POST", url="https://x.example", body="data")
        def post(data, response=None):
            return response.text

        with patch.object(requests.sessions.Session, "send", return_value=make_response(body=b"ok")) as send:
            assert post("the body") == "ok"
        assert send.call_args[0][0].body == b"the body"

    def test_body_is_refused_when_there_is_no_such_parameter(self, http):
        """A name that is wrong sends nothing, and says so when the module is loaded."""
        with pytest.raises(PyPwExtInternalError, match="'customer'"):

            @http.method(method="POST", url="http://x.example", body="customer")
            def post(data):
                """Never called."""


class TestResponseParameters:
    def test_function_gets_all_three_when_declared(self, http, server):
        """The response, its text and its status."""
        server.script("/", Answer(404, b"nothing here"))

        @http.method(url=server.url)
        def get(response=None, response_body="", response_code=HTTPStatus.OK):
            return response, response_body, response_code

        response, body, code = get()
        assert isinstance(response, requests.Response)
        assert (body, code) == ("nothing here", HTTPStatus.NOT_FOUND)
        assert isinstance(code, HTTPStatus)

    def test_status_is_a_number_when_it_is_not_registered(self, http, server):
        """There is no HTTPStatus for 299."""
        server.script("/", Answer(299))

        @http.method(url=server.url)
        def get(response_code=None):
            return response_code

        assert get() == 299

    @pytest.mark.parametrize(
        ("annotation", "expected"),
        [
            (Dict[str, Any], {"a": 1}),
            (dict, {"a": 1}),
            (Optional[Dict[str, Any]], {"a": 1}),
            (Mapping[str, int], {"a": 1}),
            ("Dict[str, Any]", {"a": 1}),
            (str, '{"a": 1}'),
            (Any, '{"a": 1}'),
            ("Unknown", '{"a": 1}'),
        ],
    )
    def test_body_is_parsed_when_annotation_asks_for_it(self, http, server, annotation, expected):
        """A dict or list is parsed, anything else is text."""
        server.script("/", Answer(200, b'{"a": 1}'))

        def get(response_body=None):
            return response_body

        get.__annotations__["response_body"] = annotation
        assert http.method(url=server.url)(get)() == expected

    def test_list_is_parsed_when_annotation_asks_for_it(self, http, server):
        """Lists are JSON, too."""
        server.script("/", Answer(200, b"[1, 2]"))

        @http.method(url=server.url)
        def get(response_body: List[int] = ()):
            return response_body

        assert get() == [1, 2]

    @pytest.mark.parametrize(("annotation", "empty"), [(dict, {}), (list, [])])
    def test_body_is_empty_when_nothing_came(self, http, server, annotation, empty):
        """No content is an empty object or list."""
        server.script("/", Answer(204, b""))

        def get(response_body=None):
            return response_body

        get.__annotations__["response_body"] = annotation
        assert http.method(url=server.url)(get)() == empty

    def test_body_is_text_when_an_error_page_is_no_json(self, http, server):
        """The function has the status, and decides."""
        server.script("/", Answer(502, b"<html>"))

        @http.method(url=server.url)
        def get(response_body: Dict[str, Any] = None, response_code=None):
            return response_body, response_code

        assert get() == ("<html>", 502)

    def test_error_is_raised_when_a_good_answer_is_no_json(self, http, server):
        """A service that promises JSON and sends something else is a bad gateway."""
        server.script("/", Answer(200, b"<html>"))

        @http.method(url=server.url)
        def get(response_body: Dict[str, Any] = None):
            return response_body

        with pytest.raises(PyPwExtHTTPError) as caught:
            get()
        assert (caught.value.code, caught.value.response_body) == (502, "<html>")

    def test_injected_value_wins_when_caller_passes_one(self, http, server):
        """`response` is the response, also when a positional argument collides with it."""

        @http.method(url=server.url + "/{gateway}", method="POST", body="city")
        def cities(gateway, city, response: Optional[requests.Response] = None):
            return response

        assert cities("abc123", "SE", "the body").status_code == 200
        assert cities("abc123", "SE", response=None).status_code == 200

    def test_local_variable_is_no_parameter_when_it_is_named_response(self, http, server):
        """Only what is declared as a parameter counts."""

        @http.method(url=server.url)
        def get():
            response = "a local"
            return response

        assert isinstance(get(), requests.Response)

    def test_parameters_are_found_when_another_decorator_is_below(self, http, server, log):
        """A decorator that keeps the signature does not hide them."""

        @http.method(url=server.url + "/{number}")
        @log.logger.method
        def get(number, response_code=None):
            return response_code

        assert get(5) == 200
        assert log.messages[0]["args"] == {"number": 5, "response_code": 200}

    def test_parameters_are_left_out_of_rows_when_logged_from_above(self, http, server, log):
        """A logger above shows what the caller passed, not the defaults of what comes later."""

        @log.logger.method
        @http.method(url=server.url + "/{number}")
        def get(number, response=None, response_body="", response_code=HTTPStatus.OK):
            return response_code

        get(5)
        assert log.messages[0]["args"] == {"number": 5}

    def test_parameter_needs_no_default_when_declared(self, http, server):
        """A parameter without a default is filled in just as well."""

        @http.method(url=server.url + "/{number}")
        def get(response, number):
            return response.status_code, number

        assert get(number=5) == (200, 5)

    def test_nothing_is_sent_when_an_argument_is_missing(self, http, server):
        """A wrong call fails before it has an effect."""

        @http.method(method="DELETE", url=server.url)
        def delete(number, response=None):
            return response

        with pytest.raises(TypeError, match="number"):
            delete()
        assert server.received == []


class TestWithoutParameters:
    def test_response_is_returned_when_status_is_good(self, http, server):
        """The body of the function is not run."""

        @http.method(url=server.url)
        def get():
            raise AssertionError("must not run")

        assert get().status_code == 200

    @pytest.mark.parametrize("status", [300, 400, 404, 500, 599])
    def test_error_is_raised_when_status_is(self, http, server, status):
        """From 300 on, with the code, the text and the response."""
        server.script("/", Answer(status, b"the reason"))

        @http.method(url=server.url)
        def get():
            """Declarative."""

        with pytest.raises(PyPwExtHTTPError) as caught:
            get()
        error = caught.value
        assert (error.code, error.message, error.response_body) == (status, "the reason", "the reason")
        assert error.response.status_code == status

    def test_response_is_returned_when_status_is_299(self, http, server):
        """The bound is 300."""
        server.script("/", Answer(299))

        @http.method(url=server.url)
        def get():
            """Declarative."""

        assert get().status_code == 299

    def test_error_has_a_message_when_body_is_empty(self, http, server):
        """An error without a text says what it is about."""
        server.script("/", Answer(404, b""))

        @http.method(url=server.url)
        def get_cities():
            """Declarative."""

        with pytest.raises(PyPwExtHTTPError, match="get_cities got status 404"):
            get_cities()

    def test_error_is_raised_when_nobody_answers(self, http, server):
        """No response is a bad gateway; the query stays out of the message, the cause is at hand."""
        server.close()

        @http.method(url=server.url + "/path", params={"token": "s3cret"})
        def get(response_code=None):
            """Never called."""

        with pytest.raises(PyPwExtHTTPError) as caught:
            get()
        assert caught.value.code == HTTPStatus.BAD_GATEWAY
        assert "/path" in caught.value.message
        assert "s3cret" not in caught.value.message
        assert isinstance(caught.value.__cause__, requests.ConnectionError)

    def test_error_is_a_gateway_timeout_when_time_is_up(self, http):
        """A timeout has its own status."""

        @http.method(url="http://x.example")
        def get():
            """Declarative."""

        with patch("requests.sessions.Session.send", side_effect=requests.ReadTimeout), pytest.raises(
            PyPwExtHTTPError
        ) as caught:
            get()
        assert caught.value.code == HTTPStatus.GATEWAY_TIMEOUT

    def test_error_is_collected_when_a_collector_is_there(self, http, server):
        """The error of a call is one of this package: it can be collected like any other."""
        errors = PyPwExtErrorHandler()
        server.script("/", Answer(404, b"no"))

        @errors.collect
        @http.method(url=server.url)
        def get():
            """Declarative."""

        @errors.collect(root=True)
        def root():
            with pytest.raises(PyPwExtHTTPError):
                get()
            return [error.code for error in get_current_collector().errors]

        assert root() == [404]


class TestCoroutines:
    def test_coroutine_gets_the_answer_when_awaited(self, http, server):
        """The request runs outside the loop, which stays free for other tasks."""
        server.script("/1", Answer(200, b'{"n": 1}'))
        server.script("/2", Answer(200, b'{"n": 2}'))

        @http.method(url=server.url + "/{number}")
        async def get(number, response_body: Dict[str, Any] = None):
            await asyncio.sleep(0)
            return response_body["n"]

        async def main():
            return await asyncio.gather(get(1), get(2))

        assert asyncio.run(main()) == [1, 2]

    def test_coroutine_raises_when_status_is_an_error(self, http, server):
        """Without response parameters, as with functions."""
        server.script("/", Answer(404))

        @http.method(url=server.url)
        async def get():
            """Declarative."""

        with pytest.raises(PyPwExtHTTPError):
            asyncio.run(get())

    def test_response_is_returned_when_coroutine_declares_nothing(self, http, server):
        """The response comes from the await."""

        @http.method(url=server.url)
        async def get():
            """Declarative."""

        assert asyncio.run(get()).status_code == 200


def make_response(status=200, body=b"{}"):
    response = requests.Response()
    response.status_code = status
    response._content = body
    return response


def test_metadata_is_kept_when_decorated(http):
    """A decorated function keeps its name and documentation."""

    @http.method(url="http://x.example")
    def get_cities():
        """Return cities."""

    assert (get_cities.__name__, get_cities.__doc__) == ("get_cities", "Return cities.")
