"""The options that several commands share. Each command's own options are in its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from local_lambda.http.access import Access


class SourceOptions(NamedTuple):
    """Where functions come from: a template, code that replaces the template's, and an interpreter."""

    template: Path
    code: Path | None = None
    python: str | None = None


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

    def access(self) -> Access:
        """The rule of the port."""
        from local_lambda.http.access import Access

        return Access((self.host, *self.allow_hosts), self.allow_origins)
