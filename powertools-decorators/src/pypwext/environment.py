"""Environment variables: the short names of this library, and those of Powertools they stand for."""

from __future__ import annotations

import os

POWERTOOLS_NAMES = {
    "SERVICE_NAME": "POWERTOOLS_SERVICE_NAME",
    "METRICS_NAMESPACE": "POWERTOOLS_METRICS_NAMESPACE",
}


def init_env() -> None:
    """Copy `SERVICE_NAME` and `METRICS_NAMESPACE` to the variables Powertools reads, unless those are set."""
    for name, powertools_name in POWERTOOLS_NAMES.items():
        value = os.environ.get(name)
        if value is not None:
            os.environ.setdefault(powertools_name, value)
