"""What the variables of the template make of the subscription."""

from typing import Dict

import pytest
from subscription import read_subscription

URI = "http://sandbox.localdomain:4243"


def test_subscription_when_no_variable_is_set() -> None:
    """It is one to the Logs API, with the schema that has platform.runtimeDone."""
    assert read_subscription({}, URI) == (
        "2020-08-15/logs",
        {
            "schemaVersion": "2021-03-18",
            "types": ["platform", "function"],
            "buffering": {"timeoutMs": 100, "maxItems": 1000, "maxBytes": 262144},
            "destination": {"protocol": "HTTP", "URI": URI},
        },
    )


def test_subscription_when_the_telemetry_api_is_wanted() -> None:
    """Only path and schema differ."""
    (_, logs), (path, telemetry) = read_subscription({}, URI), read_subscription({"LOGS_API": "telemetry"}, URI)
    assert path == "2022-07-01/telemetry"
    assert telemetry == {**logs, "schemaVersion": "2022-12-13"}


def test_subscription_when_a_batch_may_take_longer() -> None:
    """The variable finds its place."""
    assert read_subscription({"LOGS_TIMEOUT_MS": "25"}, URI)[1]["buffering"]["timeoutMs"] == 25


@pytest.mark.parametrize(
    "variables",
    [{"LOGS_API": "other"}, {"LOGS_TIMEOUT_MS": "a while"}, {"LOGS_TIMEOUT_MS": "-1"}, {"LOGS_TIMEOUT_MS": "1.5"}],
    ids=lambda variables: "{}={}".format(*next(iter(variables.items()))),
)
def test_error_when_a_variable_makes_no_sense(variables: Dict[str, str]) -> None:
    """The message names the variable and its value."""
    ((name, value),) = variables.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        read_subscription(variables, URI)
