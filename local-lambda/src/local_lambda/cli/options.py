"""The options that several commands share. Each command's own options are in its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from local_lambda.http.access import Access


class SourceOptions(NamedTuple):
    """Where functions come from: a template and what is added to it, code that replaces its code, an interpreter.

    `parameters` are the template's by name, `layers` pairs of an ARN and a folder or zip; `env_file` and `env_vars`
    are files with environment variables.
    """

    template: Path
    code: Path | None = None
    python: str | None = None
    parameters: Mapping[str, str] = MappingProxyType({})
    env_file: Path | None = None
    env_vars: Path | None = None
    region: str | None = None
    account: str | None = None
    layers: tuple[tuple[str, Path], ...] = ()


class OutputOptions(NamedTuple):
    """Which lanes are shown: `quiet` leaves those of the function and its extensions; failures are always shown."""

    quiet: bool = False
    no_trace: bool = False

    @property
    def hidden(self) -> frozenset[str]:
        """The lanes that are not shown."""
        return frozenset({"platform", "trace"} if self.quiet else {"trace"} if self.no_trace else ())


class RecordingOptions(NamedTuple):
    """What a run produces in addition to its output: a recording, a drawing (`-` is text), Chrome trace events."""

    record: Path | None = None
    timeline: Path | None = None
    trace_events: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether any of them is requested."""
        return self != RecordingOptions()


class ServerOptions(NamedTuple):
    """Where to listen (port 0: any free port), a function's highest number of environments, and who else may call."""

    host: str
    port: int
    max_environments: int
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    idle_timeout: float | None = None
    """Seconds after which an idle environment is shut down; None: never."""
    bandwidth_limit: bool = True
    """Whether streamed responses are no faster than the service sends them."""
    warm: int = 0
    """How many environments of each function start ahead of its invocations."""
    retry_pauses: tuple[float, ...] | None = None
    """Seconds before the second and third attempt at an event; None: shorter ones than the service's."""

    def access(self) -> Access:
        """The rule of the port."""
        from local_lambda.http.access import Access

        return Access((self.host, *self.allow_hosts), self.allow_origins)
