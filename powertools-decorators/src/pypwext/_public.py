"""Gives names their public home: what tracebacks, logs and documentation show is the module one imports from."""

from __future__ import annotations

from typing import Any, Dict, Iterable


def publish(namespace: Dict[str, Any], names: Iterable[str]) -> None:
    """Make the module with the given globals the home of the named classes and functions it re-exports."""
    for name in names:
        value = namespace[name]
        if getattr(value, "__module__", "").startswith("pypwext._"):
            value.__module__ = namespace["__name__"]
