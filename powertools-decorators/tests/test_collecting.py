"""`@errors.collect`: continuing where it makes sense."""

import asyncio
import contextvars
import threading

import pytest

from pypwext.errors import (
    ErrorAction,
    PyPwExtErrorHandler,
    PyPwExtErrorWithReturn,
    StdErrorCollector,
    StdPyPwExtError,
    get_current_collector,
)

errors = PyPwExtErrorHandler()
CONTINUE, RAISE, INDECISIVE = ErrorAction.CONTINUE, ErrorAction.RAISE, ErrorAction.INDECISIVE


@errors.collect
def fail(action, **options):
    """Raise an error with the given action, under a collector."""
    raise StdPyPwExtError("no", action=action, **options)


class OwnErrorWithReturn(PyPwExtErrorWithReturn):
    """A derived error keeps its value."""


@errors.collect
def fail_with_value(error_class=PyPwExtErrorWithReturn):
    """Raise an error that has a value."""
    raise error_class("no", return_value="value")


def run_below_root(func, *args, **kwargs):
    """Return what func returns or raises below a root, and the errors that were collected."""

    @errors.collect(root=True)
    def root():
        try:
            return func(*args, **kwargs), list(get_current_collector().errors)
        except Exception as error:
            return error, list(get_current_collector().errors)

    return root()


@pytest.mark.parametrize("action", [CONTINUE, INDECISIVE])
def test_error_is_swallowed_when_action_is(action):
    """The function returns None, and the error is kept."""
    value, collected = run_below_root(fail, action)
    assert value is None
    assert [error.message for error in collected] == ["no"]


def test_error_is_collected_and_raised_when_action_is_raise():
    """RAISE stops the function, and the error is still kept."""
    raised, collected = run_below_root(fail, RAISE)
    assert collected == [raised]


@pytest.mark.parametrize("action", list(ErrorAction))
def test_error_is_raised_when_there_is_no_collector(action):
    """Without a root nothing is swallowed, whatever the action says."""
    with pytest.raises(StdPyPwExtError):
        fail(action)


@pytest.mark.parametrize("error_class", [PyPwExtErrorWithReturn, OwnErrorWithReturn])
def test_value_is_returned_when_error_has_one(error_class):
    """An error with a value gives it to the caller, derived ones too."""
    value, collected = run_below_root(fail_with_value, error_class)
    assert value == "value"
    assert len(collected) == 1


def test_value_is_returned_when_nothing_fails():
    """A function that works is left alone."""
    assert run_below_root(errors.collect(lambda: 7)) == (7, [])


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit()])
def test_other_errors_pass_when_raised(error):
    """Only errors of this package are collected."""

    @errors.collect(root=True)
    def root():
        raise error

    with pytest.raises(type(error)):
        root()


def test_error_is_listed_once_when_it_passes_several_functions():
    """An error that passes up through collecting functions is one error."""

    @errors.collect
    def outer():
        return fail(RAISE)

    raised, collected = run_below_root(outer)
    assert collected == [raised]


class TestRoot:
    def test_collector_goes_away_when_root_returns(self):
        """It lives as long as the call."""

        @errors.collect(root=True)
        def root():
            return get_current_collector()

        assert isinstance(root(), StdErrorCollector)
        assert get_current_collector() is None

    def test_collector_goes_away_when_root_fails(self):
        """Also when the call ends with an exception."""

        @errors.collect(root=True)
        def root():
            raise StdPyPwExtError("no")

        with pytest.raises(StdPyPwExtError):
            root()
        assert get_current_collector() is None

    def test_collector_is_shared_when_roots_are_nested(self):
        """The inner root uses the collector of the outer one and leaves it in place."""

        @errors.collect(root=True)
        def inner():
            fail(CONTINUE)
            return get_current_collector()

        @errors.collect(root=True)
        def outer():
            return inner() is get_current_collector(), len(get_current_collector().errors)

        assert outer() == (True, 1)

    def test_errors_are_forgotten_when_collector_is_cleared(self):
        """The code below a root may decide that all is well."""

        def settle():
            fail(CONTINUE)
            get_current_collector().clear()

        assert run_below_root(settle) == (None, [])


class TestHandler:
    def test_collector_is_the_current_one_when_there_is_one(self):
        """The handler gives access to it."""

        @errors.collect(root=True)
        def root():
            return errors.collector() is get_current_collector()

        assert root()

    def test_collector_is_thrown_away_when_there_is_none(self):
        """Asking safely gives an empty one, asking unsafely none."""
        assert errors.collector().errors == []
        assert errors.collector() is not errors.collector()
        assert errors.collector(safe=False) is None

    def test_error_is_logged_when_handler_has_a_logger(self, log):
        """One row for an error, however many functions it passes."""
        logging_errors = PyPwExtErrorHandler(logger=log.logger)

        @logging_errors.collect
        def inner():
            raise StdPyPwExtError("no", details={"order": 7})

        @logging_errors.collect(root=True, stack_info=False)
        def outer():
            inner()

        with pytest.raises(StdPyPwExtError):
            outer()
        row = log.rows[0]
        assert len(log.rows) == 1
        assert (row["level"], row["message"]["msg"]) == ("ERROR", "inner raised an error")
        assert row["exception_name"] == "StdPyPwExtError"

    def test_error_is_logged_when_logger_is_of_the_standard_library(self, caplog):
        """Any logger will do."""
        import logging

        standard_errors = PyPwExtErrorHandler(logger=logging.getLogger("standard"))

        @standard_errors.collect(root=True)
        def root():
            raise StdPyPwExtError("no", action=CONTINUE)

        assert root() is None
        assert "root raised an error" in caplog.text


def test_method_is_collected_when_decorated():
    """Methods are functions, too."""

    class Cashier:
        @errors.collect
        def pay(self, amount):
            raise PyPwExtErrorWithReturn("no", return_value=amount)

    assert run_below_root(Cashier().pay, 5)[0] == 5


class TestConcurrency:
    def test_coroutine_is_collected_when_awaited(self):
        """The error is caught where it is raised: while the coroutine runs."""

        @errors.collect
        async def pay():
            raise PyPwExtErrorWithReturn("no", return_value=5)

        @errors.collect(root=True)
        async def root():
            return await pay(), len(get_current_collector().errors)

        assert asyncio.run(root()) == (5, 1)

    def test_coroutine_raises_when_action_is_raise(self):
        """RAISE is raised from the await."""

        @errors.collect(root=True)
        async def root():
            raise StdPyPwExtError("no")

        with pytest.raises(StdPyPwExtError):
            asyncio.run(root())

    def test_tasks_share_the_collector_when_created_below_a_root(self):
        """What tasks collect meets at the root."""

        @errors.collect
        async def pay(number):
            await asyncio.sleep(0)
            raise StdPyPwExtError(str(number), action=CONTINUE)

        @errors.collect(root=True)
        async def root():
            await asyncio.gather(*(pay(number) for number in range(3)))
            return sorted(error.message for error in get_current_collector().errors)

        assert asyncio.run(root()) == ["0", "1", "2"]

    def test_roots_are_apart_when_tasks_run_at_once(self):
        """Two invocations in one loop do not see each other's errors."""

        @errors.collect(root=True)
        async def root(name):
            fail(CONTINUE, details={"name": name})
            await asyncio.sleep(0)
            return [error.details["name"] for error in get_current_collector().errors]

        async def main():
            return await asyncio.gather(root("a"), root("b"))

        assert asyncio.run(main()) == [["a"], ["b"]]

    def test_thread_needs_the_context_when_it_shall_collect(self):
        """A new thread sees no collector; one that is given the context does."""
        seen = []

        def work():
            try:
                seen.append(fail(CONTINUE))
            except StdPyPwExtError as error:
                seen.append(error.message)

        @errors.collect(root=True)
        def root():
            for arguments in ({"target": work}, {"target": contextvars.copy_context().run, "args": (work,)}):
                thread = threading.Thread(**arguments)
                thread.start()
                thread.join()
            return len(get_current_collector().errors)

        assert root() == 1
        assert seen == ["no", None]
