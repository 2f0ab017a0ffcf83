"""`PyPwExtService`: from results and errors to responses."""

import asyncio
import dataclasses
import json
import logging
from http import HTTPStatus

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Response

from pypwext.base import InfoClassification, Message, Operation
from pypwext.errors import (
    ErrorAction,
    PyPwExtErrorHandler,
    PyPwExtErrorWithReturn,
    StdPyPwExtError,
    get_current_collector,
)
from pypwext.pwlogging import PyPwExtLogger
from pypwext.service import PyPwExtResponse, PyPwExtReturn, PyPwExtService, ResponseType, pypwext_response

errors = PyPwExtErrorHandler()
CONTINUE = ErrorAction.CONTINUE
NOT_FOUND = {"code": 404, "msg": "no such record", "classification": "NA"}


def not_found(**options):
    return StdPyPwExtError("no such record", code=HTTPStatus.NOT_FOUND, **options)


def server_error(**options):
    return StdPyPwExtError("down", code=HTTPStatus.INTERNAL_SERVER_ERROR, **options)


@pytest.fixture
def service(log):
    """A service whose log can be read."""
    return PyPwExtService(logger=log.logger)


def answer(service, value, *collected, **options):
    """Return the response of a service that returns value, or raises it, after collecting errors."""

    @errors.collect(root=True)
    @service.response(**options)
    def function():
        for error in collected:
            get_current_collector().add(error)
        if isinstance(value, BaseException):
            raise value
        return value

    return function()


def test_response_types_have_numbers_when_listed():
    """Three kinds of callers."""
    assert {kind.name: kind.value for kind in ResponseType} == {"API_GATEWAY_REST": 1, "API_GATEWAY_HTTP": 2, "ALB": 3}


@dataclasses.dataclass
class Item:
    id: int = 7


class TestPyPwExtResponse:
    def test_properties_are_as_given_when_created(self):
        """All that was given can be read."""
        error = not_found()
        response = PyPwExtResponse(HTTPStatus.CREATED, "text/plain", "body", {"X": "y"}, error)
        assert response.status_code is HTTPStatus.CREATED
        assert (response.content_type, response.body) == ("text/plain", "body")
        assert (response.headers, response.error) == ({"X": "y"}, [error])

    def test_defaults_are_a_good_empty_answer_when_nothing_is_given(self):
        """200, JSON, nothing in it."""
        response = PyPwExtResponse()
        assert (response.status_code, response.content_type) == (200, "application/json")
        assert (response.body, response.headers, response.error) == (None, None, [])

    @pytest.mark.parametrize(("code", "kept"), [(404, HTTPStatus.NOT_FOUND), (599, 599)])
    def test_status_is_kept_when_it_is(self, code, kept):
        """A number becomes an HTTPStatus if there is one."""
        assert PyPwExtResponse(code).status_code == kept

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (None, {"a": 1}),
            ({"b": 2}, {"b": 2, "a": 1}),
            (Item(), {"id": 7, "a": 1}),
            ([1], {"return": [1], "a": 1}),
            ("text", {"return": "text", "a": 1}),
            (b"bytes", {"return": b"bytes", "a": 1}),
        ],
    )
    def test_keywords_become_keys_when_body_is(self, body, expected):
        """A body without keys becomes one of them."""
        assert PyPwExtResponse(body=body, a=1).body == expected

    def test_callers_dict_is_left_alone_when_keywords_are_added(self):
        """The response has its own dict."""
        body = {"b": 2}
        PyPwExtResponse(body=body, a=1)
        assert body == {"b": 2}

    def test_dict_has_the_errors_when_there_are_some(self):
        """One error is an object, several are a list."""
        assert PyPwExtResponse(a=1).dict()["body"] == {"a": 1}
        assert PyPwExtResponse(a=1, error=not_found()).dict() == {
            "status_code": 200,
            "content_type": "application/json",
            "body": {"a": 1, "error": NOT_FOUND},
            "headers": None,
        }
        several = PyPwExtResponse(body="text", error=[not_found(), not_found()]).dict()
        assert several["body"] == {"error": [NOT_FOUND, NOT_FOUND]}


class TestBodies:
    @pytest.mark.parametrize(
        ("value", "body"),
        [
            (PyPwExtResponse(body="Hello"), "Hello"),
            (PyPwExtResponse(body=b"\xff"), b"\xff"),
            (PyPwExtResponse(body={Operation: "pay", Message: "Hello"}), '{"operation": "pay", "msg": "Hello"}'),
            (PyPwExtResponse(body=[1, {2}]), "[1, [2]]"),
            (PyPwExtResponse(body=Item()), '{"id": 7}'),
            (PyPwExtResponse(body=7), "7"),
            (PyPwExtResponse(updated=[Item()], operation="create"), '{"updated": [{"id": 7}], "operation": "create"}'),
            (PyPwExtResponse(body={}), "{}"),
            (PyPwExtResponse(), None),
        ],
    )
    def test_body_is_encoded_when_it_is(self, service, value, body):
        """Text and bytes as they are, nothing as nothing, the rest as JSON with the separators of json.dumps."""
        response = answer(service, value)
        assert type(response) is Response
        assert (response.status_code, response.body) == (200, body)
        assert response.headers == {"Content-Type": "application/json"}
        assert not response.base64_encoded

    def test_encoder_comes_first_when_given(self):
        """The encoder of the service is asked before that of this package; an empty answer counts."""
        service = PyPwExtService(encoder=lambda o: {"mine": True} if o is ... else "" if o == {1} else None)
        assert answer(service, PyPwExtResponse(a=..., b={1}, c={2})).body == '{"a": {"mine": true}, "b": "", "c": [2]}'

    def test_content_type_is_that_of_the_headers_when_they_have_one(self, service):
        """A header in any case wins, and there is one of it."""
        response = answer(service, PyPwExtResponse(body="<p>", headers={"content-type": "text/html", "X": "y"}))
        assert response.headers == {"content-type": "text/html", "X": "y"}
        assert answer(service, PyPwExtResponse(body="x", content_type="text/plain")).headers == {
            "Content-Type": "text/plain"
        }

    @pytest.mark.parametrize("value", [{"statusCode": 200}, "text", None, 7, Response(204)])
    def test_value_passes_when_it_is_no_response_of_ours(self, service, value):
        """A function that builds its response is left alone."""
        assert answer(service, value) is value


class TestErrors:
    def test_error_is_a_status_when_it_is_raised(self, service):
        """By default the caller learns the status and nothing else."""
        response = answer(service, not_found())
        assert type(response) is Response
        assert response.status_code == 404
        assert type(response.status_code) is int
        assert response.body is None

    def test_error_is_in_the_body_when_asked(self, service):
        """just_status_code=False adds it, without its action."""
        details = {"route": "to_path_2"}
        error = not_found(classification=InfoClassification.PII, details=details)
        response = answer(service, error, just_status_code=False)
        assert response.body == (
            '{"error": {"code": 404, "msg": "no such record", "classification": "PII", '
            '"details": {"route": "to_path_2"}}}'
        )

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            ({"a": 1}, {"a": 1, "error": NOT_FOUND}),
            (None, {"error": NOT_FOUND}),
            ("text", {"error": NOT_FOUND}),
            (b"bytes", {"error": NOT_FOUND}),
            ([1], {"return": [1], "error": NOT_FOUND}),
            (Item(), {"id": 7, "error": NOT_FOUND}),
            ({"error": "no action taken"}, {"error": ["no action taken", NOT_FOUND]}),
            ({"error": ["mine"]}, {"error": ["mine", NOT_FOUND]}),
        ],
    )
    def test_error_is_merged_when_body_is(self, service, body, shown):
        """Each kind of body has a place for it, and an `error` of the service's own stays."""
        response = answer(service, PyPwExtResponse(body=body, error=not_found()), just_status_code=False)
        assert json.loads(response.body) == shown
        assert response.status_code == 404

    def test_body_is_kept_when_errors_are_not_shown(self, service):
        """With the default only the status changes."""
        response = answer(service, PyPwExtResponse(body="Hello", error=not_found()))
        assert (response.status_code, response.body) == (404, "Hello")

    @pytest.mark.parametrize(
        ("value", "body"),
        [({"route": 1}, '{"route": 1}'), ([1], "[1]"), ("text", "text"), (None, None)],
    )
    def test_return_value_is_the_body_when_error_has_one(self, service, value, body):
        """An error may bring a response."""
        error = PyPwExtErrorWithReturn("no such record", return_value=value, code=404)
        assert answer(service, error).body == body

    def test_return_value_is_kept_when_error_is_shown(self, service):
        """Object and list are next to the error."""
        error = PyPwExtErrorWithReturn("no such record", return_value={"route": 1}, code=404)
        assert json.loads(answer(service, error, just_status_code=False).body) == {"route": 1, "error": NOT_FOUND}
        error = PyPwExtErrorWithReturn("no such record", return_value=[1], code=404)
        assert json.loads(answer(service, error, just_status_code=False).body) == {"return": [1], "error": NOT_FOUND}

    def test_collected_errors_are_a_list_when_there_are_several(self, service):
        """Each error once, in the order they came, the raised one last."""
        first, last = not_found(action=CONTINUE), server_error()
        response = answer(service, last, first, last, just_status_code=False)
        assert [error["code"] for error in json.loads(response.body)["error"]] == [404, 500]

    def test_error_is_listed_once_when_it_was_collected_on_the_way(self, service):
        """Nested collectors and the service see the same error, and list it once."""

        @errors.collect
        def inner():
            raise not_found()

        @errors.collect(root=True)
        @service.response(just_status_code=False)
        @errors.collect
        def outer():
            inner()

        assert json.loads(outer().body) == {"error": NOT_FOUND}

    def test_error_is_listed_once_when_response_has_it_too(self, service):
        """So is one that is both collected and given."""
        error = not_found()
        response = answer(service, PyPwExtResponse(error=error), error, just_status_code=False)
        assert json.loads(response.body) == {"error": NOT_FOUND}

    def test_errors_are_forgotten_when_collector_is_cleared(self, service):
        """A service may settle things itself."""

        @errors.collect(root=True)
        @service.response(just_status_code=False)
        def function():
            get_current_collector().add(not_found())
            get_current_collector().clear()
            return PyPwExtResponse(a=1)

        response = function()
        assert (response.status_code, response.body) == (200, '{"a": 1}')

    def test_error_is_answered_when_there_is_no_collector(self, service):
        """Collecting is optional."""

        @service.response(just_status_code=False)
        def function():
            raise not_found()

        assert json.loads(function().body) == {"error": NOT_FOUND}


class TestStatus:
    @pytest.mark.parametrize(
        ("own", "codes", "expected"),
        [
            (200, [404], 404),
            (200, [500, 404], 500),
            (200, [404, 599], 599),
            (201, [404], 404),
            (204, [206], 206),
            (201, [], 201),
            (302, [404], 302),
            (409, [500], 409),
            (503, [404], 503),
        ],
    )
    def test_status_is_the_highest_when_errors_are(self, service, own, codes, expected):
        """The errors decide while the response says that all is well; a response that says otherwise is believed."""
        collected = [StdPyPwExtError("no", code=code, action=CONTINUE) for code in codes]
        assert answer(service, PyPwExtResponse(own), *collected).status_code == expected

    def test_status_is_the_highest_when_a_lower_one_is_raised(self, service):
        """A raised 404 does not hide a collected 500."""
        assert answer(service, not_found(), server_error(action=CONTINUE)).status_code == 500

    def test_status_is_kept_when_errors_do_not_count(self, service):
        """code_from_error=False keeps that of the response; a raised error still has its own."""
        response = answer(
            service, PyPwExtResponse(201, a=1), server_error(), code_from_error=False, just_status_code=False
        )
        assert response.status_code == 201
        assert json.loads(response.body)["error"]["code"] == 500
        assert answer(service, not_found(), server_error(), code_from_error=False).status_code == 404


class TestOtherExceptions:
    def test_answer_is_500_when_something_unexpected_is_raised(self, service, log):
        """The caller learns nothing, the log everything."""
        response = answer(service, KeyError("secret detail"))
        assert (response.status_code, response.body) == (500, '{"error": "Internal Server Error"}')
        assert response.headers == {"Content-Type": "application/json"}
        row = log.rows[0]
        assert (row["level"], row["exception_name"]) == ("ERROR", "KeyError")
        assert row["message"]["msg"] == "Exception in function"
        assert row["location"].startswith("function:")

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
    def test_exit_passes_when_process_shall_end(self, service, error):
        """Ending the process is not answered away."""
        with pytest.raises(type(error)):
            answer(service, error)

    def test_answer_is_500_when_encoder_fails(self, log):
        """A broken encoder does not break the response, and both errors have their rows."""

        def broken(o):
            raise RuntimeError("broken encoder")

        service = PyPwExtService(encoder=broken, logger=log.logger)
        assert answer(service, PyPwExtResponse(a={1})).status_code == 500
        error = PyPwExtErrorWithReturn("no", return_value={1}, code=404)
        assert answer(service, error).status_code == 500
        assert [row["exception_name"] for row in log.rows] == ["RuntimeError", "PyPwExtErrorWithReturn", "RuntimeError"]

    def test_row_goes_to_the_default_logger_when_service_has_none(self, make_log):
        """Without its own logger the service uses the default one."""
        log = make_log(default_logger=True)
        answer(PyPwExtService(), KeyError("x"))
        assert log.rows[0]["exception_name"] == "KeyError"

    def test_row_goes_to_the_standard_library_when_there_is_no_logger_at_all(self, caplog):
        """An error is never without a row."""
        answer(PyPwExtService(), KeyError("x"))
        assert [record.name for record in caplog.records] == ["pypwext"]
        assert caplog.records[0].levelno == logging.ERROR


class TestAlwaysReturn:
    def test_error_is_raised_when_its_action_is_raise(self, service, log):
        """always_return=False lets it out, unlogged: the caller decides."""
        with pytest.raises(StdPyPwExtError):
            answer(service, not_found(), always_return=False)
        assert log.rows == []

    def test_error_is_answered_when_its_action_is_continue(self, service):
        """Only RAISE is raised."""
        assert answer(service, not_found(action=CONTINUE), always_return=False).status_code == 404

    def test_other_exception_is_raised_when_it_occurs(self, service):
        """So is anything unexpected."""
        with pytest.raises(KeyError):
            answer(service, KeyError("x"), always_return=False)


class TestReporting:
    def test_error_has_a_row_when_it_is_answered(self, service, log):
        """With its object, classification and traceback: a logger above would only see a normal exit."""
        answer(service, not_found(classification=InfoClassification.PII, details={"order": 7}))
        row = log.rows[0]
        assert (row["level"], row["classification"], row["exception_name"]) == ("ERROR", "PII", "StdPyPwExtError")
        assert row["message"]["error"]["details"] == {"order": 7}

    def test_collected_error_has_a_row_when_it_is_answered(self, service, log):
        """Without a traceback and at WARNING, because the work continued."""
        answer(service, PyPwExtResponse(), not_found(action=CONTINUE))
        row = log.rows[0]
        assert (row["level"], row["message"]["msg"]) == ("WARNING", "An error was collected")
        assert "exception" not in row

    def test_error_has_one_row_when_a_logger_below_has_logged_it(self, service, log):
        """One error, one row."""

        @errors.collect(root=True)
        @service.response
        @log.logger.method
        def function():
            raise not_found()

        function()
        assert [row["level"] for row in log.rows] == ["DEBUG", "ERROR"]


class TestForms:
    def test_decorator_works_when_bare(self, service):
        """Without parentheses, with them, and on methods."""

        @service.response
        def bare():
            return PyPwExtResponse(a=1)

        class Api:
            @service.response()
            def method(self, b):
                return PyPwExtResponse(b=b)

        assert bare().body == '{"a": 1}'
        assert Api().method(2).body == '{"b": 2}'

    @pytest.mark.parametrize("kind", list(ResponseType))
    def test_response_is_the_same_when_type_differs(self, service, kind):
        """The object suits all callers; the resolver above gives it its form."""
        assert answer(service, PyPwExtResponse(a=1), type=kind).body == '{"a": 1}'

    def test_coroutine_is_answered_when_awaited(self, service):
        """Results and errors of coroutines are answered, too."""

        @service.response
        async def good():
            return PyPwExtResponse(a=1)

        @errors.collect(root=True)
        @service.response(just_status_code=False)
        async def bad():
            raise not_found()

        @service.response(always_return=False)
        async def raising():
            raise not_found()

        assert asyncio.run(good()).body == '{"a": 1}'
        assert asyncio.run(bad()).status_code == 404
        with pytest.raises(StdPyPwExtError):
            asyncio.run(raising())

    def test_older_names_work_when_used(self):
        """PyPwExtReturn and pypwext_response are the names of older code."""
        assert PyPwExtReturn is PyPwExtResponse

        @pypwext_response
        def bare():
            return PyPwExtReturn(a=1)

        @pypwext_response(just_status_code=False)
        def with_options():
            raise not_found()

        assert bare().body == '{"a": 1}'
        assert json.loads(with_options().body) == {"error": NOT_FOUND}

    def test_service_logger_can_be_any_when_given(self, caplog):
        """A logger of the standard library will do."""
        service = PyPwExtService(logger=logging.getLogger("standard"))
        answer(service, KeyError("x"))
        assert caplog.records[0].name == "standard"

    def test_service_logger_can_be_powertools_own_when_given(self, capsys):
        """So will a plain one of Powertools."""
        from aws_lambda_powertools.logging import Logger

        answer(PyPwExtService(logger=Logger(service="plain-powertools")), KeyError("x"))
        out = capsys.readouterr()
        assert "KeyError" in out.out + out.err

    def test_logger_of_ours_is_one_of_powertools_when_passed_on(self):
        """The type says so."""
        from aws_lambda_powertools.logging import Logger

        assert issubclass(PyPwExtLogger, Logger)
