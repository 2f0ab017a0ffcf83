"""The names of the environment."""

import os

import pytest

from conftest import run_python
from pypwext.environment import init_env


@pytest.mark.parametrize(
    ("name", "target"),
    [("SERVICE_NAME", "POWERTOOLS_SERVICE_NAME"), ("METRICS_NAMESPACE", "POWERTOOLS_METRICS_NAMESPACE")],
)
class TestInitEnv:
    def test_init_env_copies_when_target_is_unset(self, environment, name, target):
        """The short name becomes the name Powertools reads."""
        environment.setenv(name, "orders")
        environment.setenv(target, "")  # registers the variable, so that it goes away after the test
        del os.environ[target]
        init_env()
        assert os.environ[target] == "orders"

    def test_init_env_keeps_target_when_it_is_set(self, environment, name, target):
        """What is set for Powertools wins."""
        environment.setenv(name, "orders")
        environment.setenv(target, "shipping")
        init_env()
        assert os.environ[target] == "shipping"

    def test_init_env_sets_nothing_when_name_is_unset(self, name, target):
        """Without the short name there is nothing to copy."""
        init_env()
        assert target not in os.environ


def test_import_prepares_the_environment_when_package_is_imported():
    """Importing the package is enough for Powertools to know the service."""
    script = "import pypwext, os; print(os.environ['POWERTOOLS_SERVICE_NAME'])"
    assert run_python(script, SERVICE_NAME="orders").strip() == "orders"
