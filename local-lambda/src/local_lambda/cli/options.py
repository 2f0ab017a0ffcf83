"""What several commands are asked for in the same way. Each command's own options are in its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from local_lambda.http.access import Access


class SourceOptions(NamedTuple):
    """Where functions come from: a template, other code than the template's, and an interpreter."""

    template: Path
    code: Path | None = None
    python: str | None = None


class RecordingOptions(NamedTuple):
    """What becomes of a run besides its output: a recording, a drawing (`-` is text), Chrome trace events."""

    record: Path | None = None
    timeline: Path | None = None
    trace_events: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is asked for."""
        return self != RecordingOptions()


class ServerOptions(NamedTuple):
    """Where to listen (port 0: any free one), the most environments of a function, and who may call besides us."""

    host: str
    port: int
    max_environments: int
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()

    def access(self) -> Access:
        """The rule of the port."""
        from local_lambda.http.access import Access

        return Access((self.host, *self.allow_hosts), self.allow_origins)
