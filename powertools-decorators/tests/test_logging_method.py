"""`@logger.method`: rows about calls."""

import asyncio
import functools
import logging
import threading

import pytest

from conftest import location_of
from pypwext.base import InfoClassification, LogEntryType
from pypwext.pwlogging import VERBOSE

PII = InfoClassification.PII
AUDIT = LogEntryType.AUDIT
KEYWORDS = ("classification", "type", "operation")


def keywords_of(row):
    return tuple(row.get(keyword) for keyword in KEYWORDS)


def test_call_has_two_rows_when_decorator_is_bare(log):
    """Entry with the arguments at DEBUG, exit with the return value at INFO."""

    @log.logger.method
    def add(a, b):
        return a + b

    assert add(1, 2) == 3
    entry, exit_row = log.rows
    assert (entry["level"], entry["message"]) == ("DEBUG", {"msg": "Entering add", "args": {"a": 1, "b": 2}})
    assert (exit_row["level"], exit_row["message"]) == ("INFO", {"msg": "Exiting add", "return": 3})


def test_name_and_docstring_stay_when_decorated(log):
    """A decorated function keeps its name, and can be inspected."""

    @log.logger.method()
    def add(a, b):
        """Add."""

    assert (add.__name__, add.__doc__) == ("add", "Add.")


def test_call_without_arguments_has_an_empty_object_when_logged(log):
    """The key is there even when there is nothing to show."""

    @log.logger.method
    def nothing():
        return None

    nothing()
    assert log.messages == [{"msg": "Entering nothing", "args": {}}, {"msg": "Exiting nothing", "return": None}]


class TestArguments:
    def entry_args(self, log, func, *args, **kwargs):
        log.logger.method(func)(*args, **kwargs)
        return log.messages[0]["args"]

    def test_defaults_are_shown_when_not_given(self, log):
        """What the function gets is shown, not only what the caller wrote."""

        def pay(amount, currency="EUR", *, express=False):
            """Decorated below."""

        assert self.entry_args(log, pay, 5) == {"amount": 5, "currency": "EUR", "express": False}

    def test_rest_arguments_are_shown_when_given(self, log):
        """*args and **kwargs appear by their names."""

        def pay(amount, *items, **options):
            """Decorated below."""

        assert self.entry_args(log, pay, 5, 1, 2, fast=True) == {
            "amount": 5,
            "items": [1, 2],
            "options": {"fast": True},
        }

    def test_rest_arguments_are_left_out_when_empty(self, log):
        """What is not there does not appear."""

        def pay(amount, *items, **options):
            """Decorated below."""

        assert self.entry_args(log, pay, 5) == {"amount": 5}

    def test_positional_arguments_are_named_when_another_decorator_is_below(self, log):
        """A decorator that keeps the signature does not hide the names."""

        def other(func):
            @functools.wraps(func)
            def wrapper(*args, **kwargs):
                return func(*args, **kwargs)

            return wrapper

        @other
        def pay(amount, currency="EUR"):
            """Decorated below."""

        assert self.entry_args(log, pay, 5) == {"amount": 5, "currency": "EUR"}

    def test_arguments_are_shown_when_wrapper_hides_the_signature(self, log):
        """Where names are unknown, the values are still shown."""

        def pay(*args):
            """Stands for a wrapper with a wrong signature."""

        pay.__wrapped__ = lambda: None
        assert self.entry_args(log, pay, 5) == {"args": [5]}

    def test_self_is_left_out_when_function_is_a_method(self, log):
        """Methods, class methods and static methods show their arguments without self or cls."""

        class Cashier:
            @log.logger.method
            def pay(self, amount):
                return amount

            @classmethod
            @log.logger.method
            def create(cls, name):
                return name

            @staticmethod
            @log.logger.method
            def count(values):
                return values

        assert (Cashier().pay(5), Cashier.create("a"), Cashier.count(2)) == (5, "a", 2)
        assert [m["args"] for m in log.messages if "args" in m] == [{"amount": 5}, {"name": "a"}, {"values": 2}]

    def test_call_fails_as_before_when_arguments_are_wrong(self, log):
        """A wrong call raises its TypeError, and the row shows what was passed."""

        @log.logger.method
        def pay(amount):
            raise AssertionError("must not be called")

        with pytest.raises(TypeError, match="pay"):
            pay(1, 2, tip=3)
        assert log.messages[0]["args"] == {"args": [1, 2], "tip": 3}


class TestLevels:
    @pytest.mark.parametrize(
        ("variable", "levels"),
        [
            (None, ["DEBUG", "INFO"]),
            ("INFO", ["INFO", "INFO"]),
            ("DEBUG", ["DEBUG", "DEBUG"]),
            ("VERBOSE", ["VERBOSE", "VERBOSE"]),
            ("WARNING", ["DEBUG", "INFO"]),
            ("ERROR", ["DEBUG", "INFO"]),
        ],
    )
    def test_levels_follow_the_variable_when_it_is(self, environment, make_log, variable, levels):
        """LOG_LEVEL moves the rows up to INFO; above that it is a threshold and no severity."""
        log = make_log(level=VERBOSE)
        if variable is not None:
            environment.setenv("LOG_LEVEL", variable)

        @log.logger.method
        def pay():
            """Logged."""

        pay()
        assert [row["level"] for row in log.rows] == levels

    def test_levels_are_as_given_when_arguments_are(self, environment, log):
        """Arguments win over LOG_LEVEL; names and numbers are taken."""
        environment.setenv("LOG_LEVEL", "INFO")

        @log.logger.method(level="WARNING", out_level=logging.CRITICAL)
        def pay():
            """Logged."""

        pay()
        assert [row["level"] for row in log.rows] == ["WARNING", "CRITICAL"]

    def test_entry_is_silent_when_logger_is_at_info(self, make_log):
        """With the defaults, a logger at INFO shows only the exit."""
        log = make_log(level="INFO")

        @log.logger.method
        def pay():
            """Logged."""

        pay()
        assert [message["msg"] for message in log.messages] == ["Exiting pay"]


class TestKeywords:
    def test_keywords_are_on_both_rows_when_equal(self, log):
        """With eq_keywords, which is the default, the exit row has the keywords of the entry row."""

        @log.logger.method(classification=PII, type=AUDIT, operation="pay", out_operation="ignored")
        def pay():
            """Logged."""

        pay()
        assert [keywords_of(row) for row in log.rows] == [("PII", "AUDIT", "pay")] * 2

    def test_keywords_differ_when_exit_has_its_own(self, log):
        """eq_keywords=False takes the four out_ arguments."""

        @log.logger.method(
            classification=InfoClassification.CORPORATE_SENSITIVE_INFO,
            operation="pay",
            out_classification=PII,
            out_type=AUDIT,
            out_operation="paid",
            eq_keywords=False,
        )
        def pay():
            """Logged."""

        pay()
        assert [keywords_of(row) for row in log.rows] == [
            ("CORPORATE_SENSITIVE_INFO", None, "pay"),
            ("PII", "AUDIT", "paid"),
        ]

    def test_keywords_do_not_leak_when_other_rows_follow(self, log):
        """Neither rows inside the call nor rows after it take them over."""

        @log.logger.method(classification=PII, type=AUDIT, operation="pay")
        def pay():
            log.logger.info("inside")

        pay()
        log.logger.info("after")
        plain = [row for row in log.rows if row["message"]["msg"] in ("inside", "after")]
        assert [keywords_of(row) for row in plain] == [(None, None, None)] * 2

    def test_keywords_do_not_leak_when_threads_log_at_once(self, log):
        """Rows of two threads that alternate keep their own keywords."""
        turns = [threading.Semaphore(1), threading.Semaphore(0)]

        def work(me, classification):
            @log.logger.method(classification=classification, operation=f"operation-{me}", level="INFO")
            def step():
                """Logged."""

            for _ in range(20):
                turns[me].acquire()
                step()
                turns[1 - me].release()

        threads = [
            threading.Thread(target=work, args=(0, PII)),
            threading.Thread(target=work, args=(1, InfoClassification.AUTHORIZATION_INFO)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = {(row["classification"], row["operation"]) for row in log.rows}
        assert seen == {("PII", "operation-0"), ("AUTHORIZATION_INFO", "operation-1")}
        assert len(log.rows) == 80

    def test_keywords_do_not_leak_when_tasks_alternate(self, log):
        """Nor do rows of tasks that wait for each other."""

        @log.logger.method(classification=PII, operation="secret", level="INFO")
        async def secret(event):
            await event.wait()

        async def main():
            event = asyncio.Event()
            task = asyncio.ensure_future(secret(event))
            await asyncio.sleep(0)
            log.logger.info("between")
            event.set()
            await task

        asyncio.run(main())
        assert [keywords_of(row) for row in log.rows] == [
            ("PII", None, "secret"),
            (None, None, None),
            ("PII", None, "secret"),
        ]


class TestExceptions:
    def test_exception_is_logged_and_raised_when_function_fails(self, log):
        """The row has arguments, keywords and traceback; its location is where the function failed."""

        @log.logger.method(classification=PII, type=AUDIT, operation="pay")
        def pay(amount):
            raise ValueError("no money")

        with pytest.raises(ValueError, match="no money"):
            pay(5)
        row = log.rows[-1]
        assert row["level"] == "ERROR"
        assert row["message"] == {"msg": "Exception in pay", "args": {"amount": 5}}
        assert keywords_of(row) == ("PII", "AUDIT", "pay")
        assert row["exception_name"] == "ValueError"
        assert "no money" in row["exception"]
        assert location_of(row) == ("pay", pay.__wrapped__.__code__.co_firstlineno + 2)

    def test_exception_is_only_raised_when_logging_it_is_off(self, log):
        """log_exception=False leaves the row to a caller."""

        @log.logger.method(log_exception=False)
        def pay():
            raise ValueError("no money")

        with pytest.raises(ValueError, match="no money"):
            pay()
        assert [row["level"] for row in log.rows] == ["DEBUG"]

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_exit_is_not_logged_when_process_ends(self, log, error):
        """Ending a process is not a failure of the function."""

        @log.logger.method
        def leave():
            raise error

        with pytest.raises(error):
            leave()
        assert [row["level"] for row in log.rows] == ["DEBUG"]


def test_location_is_the_caller_when_call_is_logged(log):
    """Entry and exit row say who called, also through several decorators of this package."""

    @log.logger.method
    @log.logger.method
    def pay():
        """Logged."""

    def shop():
        pay()

    shop()
    assert [location_of(row) for row in log.rows] == [("shop", shop.__code__.co_firstlineno + 1)] * 4


def test_location_is_the_runtime_when_decorators_of_powertools_are_above(log, context):
    """A handler's rows say who called it, not which decorators are in between."""

    @log.logger.inject_lambda_context(log_event=True)
    @log.logger.method
    def handler(event, context):
        """Logged."""

    def runtime():
        handler({}, context)

    runtime()
    assert [location_of(row) for row in log.rows] == [("runtime", runtime.__code__.co_firstlineno + 1)] * 3


class TestCoroutines:
    def test_coroutine_is_logged_when_it_runs(self, log):
        """Entry when it starts, exit with its result, not with the coroutine object."""

        @log.logger.method
        async def add(a, b=2):
            log.logger.info("inside")
            return a + b

        assert asyncio.iscoroutinefunction(add)
        assert asyncio.run(add(1)) == 3
        assert log.messages == [
            {"msg": "Entering add", "args": {"a": 1, "b": 2}},
            {"msg": "inside"},
            {"msg": "Exiting add", "return": 3},
        ]

    def test_exception_is_logged_when_coroutine_fails(self, log):
        """It is raised where it is awaited."""

        @log.logger.method(operation="pay")
        async def pay():
            raise ValueError("no money")

        with pytest.raises(ValueError, match="no money"):
            asyncio.run(pay())
        assert (log.rows[-1]["message"]["msg"], log.rows[-1]["operation"]) == ("Exception in pay", "pay")

    def test_coroutine_method_is_logged_when_called(self, log):
        """Methods may be coroutines, too."""

        class Cashier:
            @log.logger.method
            async def pay(self, amount):
                return amount

        assert asyncio.run(Cashier().pay(5)) == 5
        assert log.messages[0]["args"] == {"amount": 5}

    def test_cancellation_is_not_logged_when_task_is_cancelled(self, log):
        """Canceling is not a failure of the function."""

        @log.logger.method
        async def wait():
            await asyncio.Event().wait()

        async def main():
            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert [row["level"] for row in log.rows] == ["DEBUG"]


def test_partial_object_is_logged_when_decorated(log):
    """Callables without their own name are named after what they call."""

    def add(a, b):
        return a + b

    assert log.logger.method(functools.partial(add, 1))(2) == 3
    assert log.messages[0] == {"msg": "Entering add", "args": {"b": 2}}


def test_builtin_is_logged_when_it_has_no_signature(log):
    """Its arguments are shown without names."""
    assert log.logger.method(max)(1, 2) == 2
    assert log.messages[0]["args"] == {"args": [1, 2]}
