"""The events of an environment's init, kept for extensions that subscribe later during that init."""

from __future__ import annotations

from local_lambda.events.platform import Event, InitStart, Log

MAX_LINES = 10_000
MAX_CHARACTERS = 4 * 1024 * 1024


class Backlog:
    """The events of an init, in order. Lines beyond the limits are counted, not kept; platform events are few."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.events: list[Event] = []
        self.lost_lines = self.lost_characters = 0
        self._lines = self._characters = 0

    def keep(self, event: Event) -> None:
        """Keep an event; an event that begins an init first discards everything before it."""
        if type(event) is InitStart:
            self._forget()
        elif isinstance(event, Log):
            characters = len(event.text)
            if self._lines >= MAX_LINES or self._characters + characters > MAX_CHARACTERS:
                self.lost_lines += 1
                self.lost_characters += characters
                return
            self._lines += 1
            self._characters += characters
        self.events.append(event)
