"""The events in `events/`, which the editor offers."""

from __future__ import annotations

from pathlib import Path

from local_lambda.errors import ApiError

FOLDER = "events"
MAX_FILES = 100
MAX_BYTES = 1024 * 1024


class SampleEvents:
    """The JSON files in `events` in a folder: that of the template, or where `exec` was started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve() / FOLDER

    def names(self) -> list[str]:
        """Their names, sorted."""
        try:
            found = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".json" and path.is_file())
        except OSError:
            return []
        return found[:MAX_FILES]

    def read(self, name: str) -> str:
        """The text of one of them. Raises ApiError."""
        if name not in self.names():
            raise ApiError(404, "NotFound", f"There is no event {FOLDER}/{name}")
        try:
            with (self._folder / name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise ApiError(413, "TooLarge", f"{FOLDER}/{name} is too large for the editor: send it with curl")
            return data.decode()
        except (OSError, UnicodeDecodeError):
            raise ApiError(404, "NotFound", f"{FOLDER}/{name} cannot be read as text") from None
