"""The vocabulary and the small helpers."""

import dataclasses
import logging

import pytest

from pypwext import base
from pypwext.base import InfoClassification, LogEntryType, SupportsToCuratedDict, SupportsToJson
from pypwext.utils import get_log_level, is_dataclass_instance, try_convert_to_dict


def test_keywords_are_the_keys_of_rows_when_used():
    """The constants are the very words that rows and errors contain."""
    keywords = (
        base.Classification,
        base.Message,
        base.Arguments,
        base.Return,
        base.Operation,
        base.Error,
        base.LogType,
    )
    assert keywords == ("classification", "msg", "args", "return", "operation", "error", "type")


def test_classification_orders_by_sensitivity_when_compared():
    """A higher number needs more care."""
    assert {member.name: member.value for member in InfoClassification} == {
        "NA": 0,
        "AUTHORIZATION_INFO": 50,
        "CORPORATE_SENSITIVE_INFO": 70,
        "PII": 100,
    }
    assert InfoClassification.PII > InfoClassification.CORPORATE_SENSITIVE_INFO


def test_log_entry_type_has_two_members_when_listed():
    """A row is ordinary or for the audit."""
    assert {member.name: member.value for member in LogEntryType} == {"STD": 0, "AUDIT": 1}


def test_protocols_recognize_objects_when_method_exists():
    """Both protocols can be asked for at run time."""

    class WithBoth:
        def json(self, default=None):
            return "{}"

        def dict(self):
            return {}

    assert isinstance(WithBoth(), SupportsToJson)
    assert isinstance(WithBoth(), SupportsToCuratedDict)
    assert not isinstance(object(), SupportsToJson)
    assert not isinstance(object(), SupportsToCuratedDict)


@pytest.mark.parametrize(
    ("level", "variable", "expected"),
    [
        (logging.ERROR, None, logging.ERROR),
        ("warning", None, logging.WARNING),
        ("VERBOSE", None, logging.DEBUG - 1),
        ("35", None, 35),
        (None, "ERROR", logging.ERROR),
        (None, "25", 25),
        ("nonsense", "ERROR", logging.ERROR),
        (None, "nonsense", logging.INFO),
        (None, None, logging.INFO),
        ("", "", logging.INFO),
    ],
)
def test_log_level_is_found_when_given_as(environment, level, variable, expected):
    """A number, a name or digits; else LOG_LEVEL; else the default."""
    if variable is not None:
        environment.setenv("LOG_LEVEL", variable)
    assert get_log_level(level, logging.INFO) == expected


def test_log_level_is_debug_when_nothing_is_given():
    """The default of the default is DEBUG."""
    assert get_log_level(None) == logging.DEBUG


@dataclasses.dataclass
class Inner:
    value: int = 1


@dataclasses.dataclass
class Outer:
    inner: Inner = dataclasses.field(default_factory=Inner)


class Curated:
    def dict(self):
        return {"curated": True}


class Json:
    def json(self, default=None):
        return '{"json": true}'


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'{"a": 1}', {"a": 1}),
        ("no json", "no json"),
        (b"\xff", b"\xff"),
        ({"a": 1}, {"a": 1}),
        (Outer(), {"inner": {"value": 1}}),
        (Curated(), {"curated": True}),
        (Json(), {"json": True}),
        (5, 5),
        (None, None),
        ("", None),
        ({}, None),
        (b"", None),
    ],
)
def test_conversion_gives_a_dict_when_there_is_one(data, expected):
    """What can be a dict becomes one, what cannot stays, what is empty is None."""
    assert try_convert_to_dict(data) == expected


def test_dataclass_instance_is_recognized_when_asked():
    """The class itself is not an instance."""
    assert is_dataclass_instance(Inner())
    assert not is_dataclass_instance(Inner)
    assert not is_dataclass_instance({})
