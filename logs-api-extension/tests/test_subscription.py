"""What the variables of the template make of the subscription."""

from typing import Dict

import pytest
from subscription import read_subscription

URI = "http://sandbox.localdomain:4243"


def test_subscription_when_no_variable_is_set() -> None:
    """It is one to the Logs API, with the schema that has platform.runtimeDone."""
    subscription = read_subscription({}, URI)
    assert subscription.path == "2020-08-15/logs"
    assert subscription.body == {
        "schemaVersion": "2021-03-18",
        "types": ["platform", "function"],
        "buffering": {"timeoutMs": 100, "maxItems": 1000, "maxBytes": 262144},
        "destination": {"protocol": "HTTP", "URI": URI},
    }
    assert (subscription.waits_for, subscription.longest_wait) == ("platform.runtimeDone", 0.1)


def test_subscription_when_the_telemetry_api_is_wanted() -> None:
    """Only path and schema differ."""
    logs, telemetry = read_subscription({}, URI), read_subscription({"LOGS_API": "telemetry"}, URI)
    assert telemetry.path == "2022-07-01/telemetry"
    assert telemetry.body == {**logs.body, "schemaVersion": "2022-12-13"}


def test_subscription_when_all_variables_are_set() -> None:
    """Each finds its place."""
    variables = {"LOGS_TYPES": "function, extension", "LOGS_WAIT_FOR": "nothing", "LOGS_TIMEOUT_MS": "25"}
    body = read_subscription({**variables, "LOGS_MAX_ITEMS": "2000", "LOGS_MAX_BYTES": "1048576"}, URI).body
    assert body["types"] == ["function", "extension"]
    assert body["buffering"] == {"timeoutMs": 25, "maxItems": 2000, "maxBytes": 1048576}


@pytest.mark.parametrize(
    "variables",
    [
        {"LOGS_API": "other"},
        {"LOGS_TYPES": "function"},
        {"LOGS_WAIT_FOR": "platform.report"},
        {"LOGS_TIMEOUT_MS": "a while"},
        {"LOGS_TIMEOUT_MS": "-1"},
        {"LOGS_MAX_ITEMS": ""},
        {"LOGS_MAX_BYTES": "1.5"},
    ],
    ids=lambda variables: "{}={}".format(*next(iter(variables.items()))),
)
def test_error_when_a_variable_makes_no_sense(variables: Dict[str, str]) -> None:
    """The message names the variable and its value."""
    ((name, value),) = variables.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        read_subscription(variables, URI)
