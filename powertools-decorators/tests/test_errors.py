"""The error types and the collector."""

import json
import pickle
import threading
from http import HTTPStatus

import pytest

from pypwext.base import InfoClassification
from pypwext.errors import (
    ErrorAction,
    ErrorCollector,
    PyPwExtError,
    PyPwExtErrorWithReturn,
    PyPwExtHTTPError,
    PyPwExtInternalError,
    StdErrorCollector,
    StdPyPwExtError,
)

PII = InfoClassification.PII
CONTINUE = ErrorAction.CONTINUE


def test_actions_have_numbers_when_listed():
    """The three actions."""
    assert {action.name: action.value for action in ErrorAction} == {"INDECISIVE": 0, "RAISE": 1, "CONTINUE": 2}


@pytest.mark.parametrize(
    ("error", "code", "action"),
    [
        (StdPyPwExtError("no"), 400, "RAISE"),
        (PyPwExtHTTPError("no"), 400, "RAISE"),
        (PyPwExtInternalError("no"), 500, "RAISE"),
        (PyPwExtErrorWithReturn("no"), 400, "CONTINUE"),
        (PyPwExtError("no"), 500, "RAISE"),
    ],
)
def test_defaults_are_sane_when_only_message_is_given(error, code, action):
    """A message is enough, also for the base class."""
    assert error.dict() == {"code": code, "action": action, "msg": "no", "classification": "NA"}
    assert list(error.dict()) == ["code", "action", "msg", "classification"]
    assert str(error) == error.message == "no"
    assert isinstance(error, PyPwExtError)


def test_json_has_all_parts_when_all_are_given():
    """The keys come in a fixed order, with the separators of json.dumps."""
    error = StdPyPwExtError("no", HTTPStatus.NOT_FOUND, CONTINUE, PII, {"order": {"id": 7}})
    assert error.json() == (
        '{"code": 404, "action": "CONTINUE", "msg": "no", "classification": "PII", "details": {"order": {"id": 7}}}'
    )


def test_json_asks_default_when_given():
    """A function for json.dumps may be passed, but need not."""
    error = StdPyPwExtError("no", details={"set": {1}})
    assert json.loads(error.json())["details"] == {"set": [1]}
    assert json.loads(error.json(default=lambda o: "mine"))["details"] == {"set": "mine"}


@pytest.mark.parametrize(("code", "kept"), [(404, HTTPStatus.NOT_FOUND), (HTTPStatus.OK, HTTPStatus.OK), (599, 599)])
def test_code_is_a_status_when_there_is_one(code, kept):
    """Numbers become an HTTPStatus; one that is not registered stays a number."""
    error = StdPyPwExtError("no", code=code)
    assert error.code == kept
    assert type(error.code) is type(kept)
    assert error.dict()["code"] == int(code)


def test_errors_are_distinct_when_they_say_the_same():
    """Two errors are two errors: they compare by identity and can be keys."""
    first, second = StdPyPwExtError("no"), StdPyPwExtError("no")
    assert first != second
    assert len({first, second}) == 2


def test_repr_tells_the_class_when_error_is_derived():
    """A derived error shows its own name and what it holds."""
    assert repr(PyPwExtHTTPError("no", code=404)) == (
        "PyPwExtHTTPError(code=NOT_FOUND, action=RAISE, message='no', classification=NA, details=None)"
    )
    assert "code=599" in repr(StdPyPwExtError("no", code=599))


def test_error_survives_when_pickled():
    """Errors travel between processes."""
    copy = pickle.loads(pickle.dumps(PyPwExtErrorWithReturn("no", return_value=7, code=404, details={"a": 1})))
    assert (copy.dict()["details"], copy.return_value, copy.code) == ({"a": 1}, 7, 404)


def test_http_error_has_the_answer_when_there_was_one():
    """What came back is at hand, but not part of what one's own caller sees."""
    error = PyPwExtHTTPError("no", response_body="text", response="whole")
    assert (error.response_body, error.response) == ("text", "whole")
    assert "text" not in error.json()


def test_return_value_is_not_rendered_when_error_is():
    """The value is for the function, not for the log."""
    assert "secret" not in PyPwExtErrorWithReturn("no", return_value="secret").json()


def test_own_error_is_rendered_when_it_overrides_properties():
    """An error may derive from the base and say everything by properties."""

    class Teapot(PyPwExtError):
        code = HTTPStatus.IM_A_TEAPOT if hasattr(HTTPStatus, "IM_A_TEAPOT") else 418
        message = "short and stout"

    assert Teapot().dict() == {"code": 418, "action": "RAISE", "msg": "short and stout", "classification": "NA"}


class TestCollector:
    @pytest.fixture
    def collector(self):
        return StdErrorCollector()

    def test_collector_is_empty_when_new(self, collector):
        """Nothing is in it, and it can say so in all ways."""
        assert collector.errors == []
        assert not collector.has_errors()
        assert collector.get_highest() is None
        assert collector.dict() == []
        assert collector.json() == "[]"
        assert isinstance(collector, ErrorCollector)

    def test_add_and_clear_can_be_chained_when_called(self, collector):
        """Both return the collector."""
        assert collector.add(StdPyPwExtError("a")).add(StdPyPwExtError("b")) is collector
        assert [error.message for error in collector.errors] == ["a", "b"]
        assert collector.clear() is collector
        assert collector.errors == []

    def test_error_is_kept_once_when_added_twice(self, collector):
        """The same error is one error; two that say the same are two."""
        error = StdPyPwExtError("a")
        collector.add(error).add(error).add(StdPyPwExtError("a"))
        assert len(collector.errors) == 2

    def test_matcher_finds_errors_when_it_says_so(self, collector):
        """Errors can be looked for."""
        collector.add(StdPyPwExtError("a")).add(StdPyPwExtError("b", code=HTTPStatus.PARTIAL_CONTENT))
        assert collector.has_errors_matcher(lambda error: error.code == HTTPStatus.PARTIAL_CONTENT)
        assert not collector.has_errors_matcher(lambda error: error.code == HTTPStatus.NOT_FOUND)
        assert [e.message for e in collector.get_errors_matcher(lambda error: error.code == 400)] == ["a"]

    def test_highest_is_found_when_codes_differ(self, collector):
        """The highest code wins, also one that is not registered."""
        collector.add(StdPyPwExtError("a", code=404)).add(StdPyPwExtError("b", code=599))
        collector.add(StdPyPwExtError("c", code=206))
        assert collector.get_highest().message == "b"

    def test_rendering_is_an_object_when_there_is_one_error(self, collector):
        """One error is an object, several are a list."""
        collector.add(StdPyPwExtError("a"))
        assert collector.dict()["msg"] == "a"
        assert json.loads(collector.json())["msg"] == "a"
        collector.add(StdPyPwExtError("b", details={"set": {1}}))
        assert [error["msg"] for error in collector.dict()] == ["a", "b"]
        assert json.loads(collector.json())[1]["details"] == {"set": [1]}

    def test_errors_are_all_kept_when_threads_add(self, collector):
        """A collector may be shared by threads."""
        errors = [StdPyPwExtError(str(number)) for number in range(50)]

        def add_all():
            for error in errors:
                collector.add(error)

        threads = [threading.Thread(target=add_all) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(collector.errors, key=id) == sorted(errors, key=id)
