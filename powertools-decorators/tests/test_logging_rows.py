"""The rows that `PyPwExtLogger` writes."""

import decimal
import io
import json
import logging
import os

import pytest
from aws_lambda_powertools.logging import Logger, correlation_paths

from conftest import location_of
from pypwext.base import Classification, InfoClassification, LogEntryType, LogType, Message, Operation
from pypwext.errors import StdPyPwExtError
from pypwext.pwlogging import VERBOSE, PyPwExtLogger, get_default_logger

PII = InfoClassification.PII
AUDIT = LogEntryType.AUDIT


def test_logger_is_one_of_powertools_when_asked(log):
    """Everything that takes a Powertools Logger takes this one."""
    assert isinstance(log.logger, Logger)


def test_row_has_the_forced_fields_when_message_is_text(log):
    """A plain message becomes an object, next to level, location, time and service; the line is compact."""

    def pay():
        log.logger.info("paid")

    pay()
    row = log.rows[0]
    assert row["level"] == "INFO"
    assert row["message"] == {"msg": "paid"}
    assert row["service"] == log.logger.service
    assert row["timestamp"]
    assert location_of(row)[0] == "pay"
    assert '"msg":"paid"' in log.text


def test_row_leaves_out_type_and_classification_when_they_say_nothing(log):
    """STD and NA are the rule, so they are left out unless asked for."""
    log.logger.info("paid")
    assert log.rows[0].keys().isdisjoint({"type", "classification", "operation"})


def test_row_shows_type_and_classification_when_skipping_is_off(make_log):
    """Both skips can be turned off."""
    log = make_log(skip_std_type=False, skip_info_na=False)
    log.logger.info("paid")
    assert (log.rows[0]["type"], log.rows[0]["classification"]) == ("STD", "NA")


@pytest.mark.parametrize(
    ("message", "args", "expected"),
    [
        ("hello %s", ("bob",), {"msg": "hello bob"}),
        ("%s and %s", ("salt", "pepper"), {"msg": "salt and pepper"}),
        ("hello %(name)s", ({"name": "bob"},), {"msg": "hello bob"}),
        ("100%", (), {"msg": "100%"}),
        ("one %s, two %s", ("value",), {"msg": "one %s, two %s", "args": ["value"]}),
        ("%d", ("no number",), {"msg": "%d", "args": ["no number"]}),
        ("", (), {}),
        (None, (), {}),
        (0, (), {"msg": 0}),
        (["a", 1], (), {"msg": ["a", 1]}),
        ({Message: "", "a": 1}, (), {"a": 1}),
        ({Message: "text", "a": 1}, (), {"msg": "text", "a": 1}),
    ],
)
def test_message_is_built_when_given(log, message, args, expected):
    """%-arguments are filled in, an empty msg is dropped, and a wrong template does not lose the values."""
    log.logger.info(message, *args)
    assert log.messages == [expected]


def test_keywords_are_lifted_when_message_is_a_dict(log):
    """Classification, type and operation stand at the top of the row, and the caller's dict stays as it was."""
    message = {Operation: "pay", Classification: PII, LogType: AUDIT, "card": 777}
    log.logger.info(message)
    row = log.rows[0]
    assert (row["operation"], row["classification"], row["type"]) == ("pay", "PII", "AUDIT")
    assert row["message"] == {"card": 777}
    assert message == {Operation: "pay", Classification: PII, LogType: AUDIT, "card": 777}


def test_keywords_do_not_leak_when_next_row_has_none(log):
    """What one row says of itself is not said of the next."""
    log.logger.info({Operation: "pay", Classification: PII, LogType: AUDIT, "card": 777})
    log.logger.info("next")
    assert log.rows[1].keys().isdisjoint({"type", "classification", "operation"})


@pytest.mark.parametrize("value", [PII, "PII", 100])
def test_keyword_shows_its_name_when_given_as(log, value):
    """A member, its name and its number are the same classification."""
    log.logger.info({Classification: value})
    assert log.rows[0]["classification"] == "PII"


def test_keyword_is_kept_when_it_is_unknown(log):
    """A value outside the vocabulary is shown as it is."""
    log.logger.info({Classification: 42, LogType: "METRIC"})
    assert (log.rows[0]["classification"], log.rows[0]["type"]) == (42, "METRIC")


def test_keywords_are_taken_when_given_as_arguments(log):
    """A text row can have them, too: as keyword arguments or in extra."""
    log.logger.info("paid", classification=PII, operation="pay", order=7)
    log.logger.info("paid", extra={LogType: AUDIT, "order": 8})
    first, second = log.rows
    assert (first["classification"], first["operation"], first["order"]) == ("PII", "pay", 7)
    assert (second["type"], second["order"]) == ("AUDIT", 8)
    assert "classification" not in second


@pytest.mark.parametrize("level", ["verbose", "debug", "info", "warning", "warn", "error", "critical"])
def test_row_has_its_level_when_method_is(make_log, level):
    """Each method of the standard library's logger is there, and verbose below debug."""
    log = make_log(level=VERBOSE)
    getattr(log.logger, level)("text %s", 1)
    assert log.rows[0]["level"] == {"warn": "WARNING"}.get(level, level.upper())
    assert log.messages == [{"msg": "text 1"}]


def test_log_takes_number_or_name_when_level_is_given(log):
    """log() writes at any level."""
    log.logger.log(logging.WARNING, "by number")
    log.logger.log("error", "by name")
    assert [row["level"] for row in log.rows] == ["WARNING", "ERROR"]


def test_debug_rows_are_written_when_they_are_sampled(make_log):
    """A sampling rate of 1 opens DEBUG whatever the level is, as for Powertools."""
    log = make_log(level="INFO", sampling_rate=1)
    log.logger.debug("sampled")
    assert log.messages == [{"msg": "sampled"}]


def test_row_is_dropped_when_level_is_too_low(make_log):
    """The level of the logger decides."""
    log = make_log(level="INFO")
    log.logger.debug("hidden")
    log.logger.verbose("hidden")
    assert log.rows == []


@pytest.mark.parametrize("level", [7, "7"])
def test_level_is_accepted_when_it_has_no_name(make_log, level):
    """Any number is a level, although Powertools only knows named ones."""
    log = make_log(level=level)
    log.logger.log(7, "seven")
    log.logger.log(6, "six")
    assert log.messages == [{"msg": "seven"}]


def test_level_of_lambda_wins_when_it_is_set(environment, make_log):
    """Lambda's own log level stands above the argument, as for Powertools."""
    if not hasattr(Logger, "_get_aws_lambda_log_level"):
        pytest.skip("this Powertools is older than Lambda's log level")
    environment.setenv("AWS_LAMBDA_LOG_LEVEL", "ERROR")
    with pytest.warns(UserWarning, match="log level"):
        log = make_log(level="INFO")
    log.logger.info("hidden")
    assert log.rows == []


def test_exception_row_has_traceback_when_error_is_handled(log):
    """logger.exception writes level ERROR, the exception, and the message as any other row."""
    try:
        raise ValueError("went wrong")
    except ValueError:
        log.logger.exception("could not %s", "pay", exc_info=True, stack_info=True)
    row = log.rows[0]
    assert row["level"] == "ERROR"
    assert row["message"] == {"msg": "could not pay"}
    assert row["exception_name"] == "ValueError"
    assert row["exception"].startswith("Traceback (most recent call last):")
    assert row["exception"].endswith("ValueError: went wrong")


class TestLocation:
    @pytest.mark.parametrize("method", ["verbose", "debug", "info", "warning", "error", "critical", "exception"])
    def test_location_is_the_caller_when_method_is(self, make_log, method):
        """A row says which line of which function wrote it."""
        log = make_log(level=VERBOSE)

        def pay():
            getattr(log.logger, method)("paid")

        pay()
        assert location_of(log.rows[0]) == ("pay", pay.__code__.co_firstlineno + 1)

    def test_location_is_the_caller_when_log_is_used(self, log):
        """log() does it, too."""

        def pay():
            log.logger.log(logging.INFO, "paid")

        pay()
        assert location_of(log.rows[0]) == ("pay", pay.__code__.co_firstlineno + 1)

    def test_location_moves_up_when_stacklevel_is_given(self, log):
        """A helper names its own caller with stacklevel=3, as for Powertools."""

        def helper():
            log.logger.info("paid", stacklevel=3)

        def pay():
            helper()

        pay()
        assert location_of(log.rows[0]) == ("pay", pay.__code__.co_firstlineno + 1)


class TestSecondLogger:
    def test_handler_gets_rows_when_service_has_a_logger_already(self, log, make_log):
        """A second logger of a service writes to its own handler, too, in the same form."""
        second = make_log(service=log.logger.service)
        second.logger.info("from the second")
        log.logger.info("from the first")
        assert second.messages == [{"msg": "from the second"}, {"msg": "from the first"}]
        assert second.messages == log.messages

    def test_keys_are_shared_when_second_logger_appends_them(self, log, make_log):
        """Appending and removing keys works on either, and both show them."""
        second = make_log(service=log.logger.service)
        second.logger.append_keys(order=7)
        log.logger.info("with key")
        second.logger.remove_keys(["order"])
        log.logger.info("without")
        assert [row.get("order") for row in log.rows] == [7, None]

    def test_rows_go_to_the_first_handler_when_second_brings_none(self, log):
        """Loggers of one service share their destination."""
        PyPwExtLogger(service=log.logger.service).info("shared")
        assert log.messages == [{"msg": "shared"}]

    def test_stream_gets_rows_when_second_brings_one(self, log):
        """A stream is as good as a handler, and the same stream is not added twice."""
        stream = io.StringIO()
        PyPwExtLogger(service=log.logger.service, stream=stream)
        PyPwExtLogger(service=log.logger.service, stream=stream).info("once")
        assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [{"msg": "once"}]

    def test_level_is_taken_when_second_names_one(self, make_log):
        """The level that was named last counts."""
        first = make_log(level="ERROR")
        PyPwExtLogger(service=first.logger.service, level="DEBUG").debug("visible")
        assert first.messages == [{"msg": "visible"}]

    def test_encoder_is_asked_when_second_brings_one(self, log):
        """Each logger's encoder has its say, the first one first."""
        PyPwExtLogger(service=log.logger.service, custom_encoder=lambda o: "second" if o is Ellipsis else None)
        log.logger.info({"value": ...})
        assert log.messages == [{"value": "second"}]

    def test_formatter_of_powertools_is_equipped_when_its_logger_was_first(self):
        """A plain Powertools logger that came first does not keep the encoder away."""
        stream = io.StringIO()
        service = f"plain-{id(stream)}"
        Logger(service=service, stream=stream)
        PyPwExtLogger(service=service).info({"value": {1}})
        assert json.loads(stream.getvalue())["message"] == {"value": [1]}


class TestChild:
    def test_child_is_named_after_its_module_when_created(self, log):
        """As with Powertools, the name of a child tells the module that made it."""
        child = PyPwExtLogger(service=log.logger.service, child=True)
        assert child.name == f"{log.logger.service}.{__name__}"
        child.info("from the child", operation="pay")
        assert log.rows[0]["operation"] == "pay"

    def test_child_writes_to_both_when_it_brings_a_handler(self, log, make_log):
        """Its own handler is used, and its rows still reach the parent's."""
        child = make_log(service=log.logger.service, child=True)
        child.logger.info("from the child")
        assert child.messages == log.messages == [{"msg": "from the child"}]

    def test_child_does_not_fail_when_there_is_no_parent(self):
        """An orphan writes to whatever the root logger has."""
        PyPwExtLogger(service="orphan", child=True).info("nobody listens")


class TestDefaultLogger:
    def test_default_logger_is_found_when_one_was_made(self, make_log):
        """default_logger makes it the one the other parts use, and no row mentions the option."""
        log = make_log(default_logger=True)
        assert get_default_logger() is log.logger
        log.logger.info("text")
        assert "default_logger" not in log.rows[0]

    def test_standard_logger_is_found_when_none_was_made(self):
        """Without one, errors go to a logger of the standard library."""
        assert get_default_logger() is logging.getLogger("pypwext")


class TestContext:
    def test_row_has_the_context_when_handler_is_decorated(self, log, context):
        """inject_lambda_context works as in Powertools: function fields, event, correlation id."""

        @log.logger.inject_lambda_context(log_event=True, correlation_id_path=correlation_paths.API_GATEWAY_REST)
        def handler(event, context):
            log.logger.info("in the handler")
            return "done"

        event = {"requestContext": {"requestId": "id-1"}}
        assert handler(event, context) == "done"
        first, second = log.rows
        assert first["message"] == event
        assert second["function_name"] == "orders"
        assert second["function_memory_size"] == "256"
        assert second["function_arn"] == context.invoked_function_arn
        assert second["function_request_id"] == context.aws_request_id
        assert second["correlation_id"] == "id-1"
        assert isinstance(second["cold_start"], bool)

    def test_context_decorator_works_when_bare(self, log, context):
        """It needs no parentheses."""

        @log.logger.inject_lambda_context
        def handler(event, context):
            log.logger.info("in the handler")

        handler({}, context)
        assert log.rows[0]["function_name"] == "orders"

    def test_correlation_id_follows_when_it_is_set(self, log):
        """set_correlation_id holds for the rows after it."""
        log.logger.info("before")
        log.logger.set_correlation_id("id-2")
        log.logger.info("after")
        assert [row.get("correlation_id") for row in log.rows] == [None, "id-2"]

    def test_trace_id_is_shown_when_tracing_is_on(self, environment, log):
        """The trace id comes from the variable Lambda sets."""
        environment.setenv("_X_AMZN_TRACE_ID", "Root=1-619e4067-62471735a4cf522db5720c7e;Sampled=1")
        log.logger.info("traced")
        assert log.rows[0]["xray_trace_id"] == "1-619e4067-62471735a4cf522db5720c7e"


class TestEncoding:
    def test_custom_encoder_comes_first_when_given(self, make_log):
        """What it returns is shown; None leaves the value to the encoder of this package."""
        log = make_log(custom_encoder=lambda o: "yes" if isinstance(o, decimal.Decimal) else None)
        log.logger.info({"decimal": decimal.Decimal("1.5"), "set": {1}})
        assert log.messages == [{"decimal": "yes", "set": [1]}]

    def test_json_default_is_asked_when_given(self, make_log):
        """The option of Powertools' formatter keeps its meaning."""
        log = make_log(json_default=lambda o: "default")
        log.logger.info({"value": ...})
        assert log.messages == [{"value": "default"}]

    def test_json_serializer_is_kept_when_given(self, make_log):
        """A serializer of one's own is used as it is."""
        log = make_log(json_serializer=lambda row: "own")
        log.logger.info("text")
        assert log.text == "own\n"

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (float("nan"), "nan"),
            ({(1, 2): "tuple key"}, {"[1, 2]": "tuple key"}),
            ("half a pair \ud800", "half a pair \ud800"),
            ("Västerås", "Västerås"),
        ],
    )
    def test_row_is_written_when_value_is_odd(self, log, value, shown):
        """No value costs a row."""
        log.logger.info({"value": value})
        assert log.messages == [{"value": shown}]

    def test_letters_are_kept_when_text_is_not_ascii(self, log):
        """Rows are UTF-8, not escapes."""
        log.logger.info("Västerås")
        assert "Västerås" in log.text

    def test_row_is_written_when_encoder_fails(self, make_log):
        """A broken encoder shows in the row, which is written without it."""

        def broken(o):
            raise RuntimeError("broken")

        log = make_log(custom_encoder=broken)
        log.logger.info({"value": {1}})
        assert log.messages == [{"value": [1]}]
        assert log.rows[0]["encoder_error"] == "RuntimeError('broken')"

    def test_error_is_an_object_when_logged(self, log):
        """An error of this package is shown with its code and details, not as text with JSON in it."""
        log.logger.error(StdPyPwExtError("no", details={"order": 7}))
        assert log.messages[0]["msg"]["details"] == {"order": 7}

    def test_serialize_gives_the_text_of_a_row_when_called(self, log):
        """What a row would look like can be had without writing it."""
        assert log.logger.serialize({"set": {1}}) == '{"set":[1]}'

    def test_row_is_indented_when_powertools_is_in_dev_mode(self, environment, make_log):
        """POWERTOOLS_DEV keeps its meaning."""
        environment.setenv("POWERTOOLS_DEV", "true")
        with pytest.warns(UserWarning, match="POWERTOOLS_DEV"):
            log = make_log()
        log.logger.info("text")
        assert '{\n    "level":' in log.text


def test_rows_go_to_stdout_when_nothing_else_is_said(capsys):
    """The destination is standard output, where Lambda reads the log."""
    PyPwExtLogger(service=f"stdout-{os.getpid()}").info("text")
    assert json.loads(capsys.readouterr().out)["message"] == {"msg": "text"}


def test_location_is_kept_when_powertools_buffers_rows(environment, make_log):
    """A row that waits in the buffer of Powertools still says who wrote it."""
    buffer = pytest.importorskip("aws_lambda_powertools.logging.buffer", reason="this Powertools has no buffer yet")
    environment.setenv("_X_AMZN_TRACE_ID", "Root=1-619e4067-62471735a4cf522db5720c7e")
    log = make_log(level="INFO", buffer_config=buffer.LoggerBufferConfig(buffer_at_verbosity="DEBUG"))

    def pay():
        log.logger.debug("waits", operation="pay")

    pay()
    assert log.rows == []
    log.logger.error("flushes")
    assert [row["message"]["msg"] for row in log.rows] == ["waits", "flushes"]
    assert location_of(log.rows[0]) == ("pay", pay.__code__.co_firstlineno + 1)
    assert log.rows[0]["operation"] == "pay"
