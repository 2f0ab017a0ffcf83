"""An environment with extensions but no sockets or processes: the test plays them all, and time is not real."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from local_lambda.environment.extensions import Extension
from support.environment_rig import Clock, FakeGroup, FakeProcess, Rig

MakeRig = Callable[..., "ExtendedRig"]
BOTH = ("INVOKE", "SHUTDOWN")


class SignalledGroup(FakeGroup):
    """Remembers signals; a killed process ends."""

    def __init__(self, external: Sequence[str], clock: Clock) -> None:
        super().__init__(clock, external)
        self.story: list[str] = []

    def spawn(self, name: str) -> FakeProcess:
        """As the real one's."""
        self.story.append(f"spawn {name}")
        return super().spawn(name)

    def signal(self, name: str, number: int) -> None:
        """As the real one's."""
        self.story.append(f"{signal.Signals(number).name} {name}")
        if number == signal.SIGKILL:
            self.clock.call_soon(self._killed, name)

    def _killed(self, name: str) -> None:
        for process in [process for process in self.running if process.name == name]:
            process.exit(-9)

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """As the real one's."""
        self.story += [f"kill {process.name}" for process in self.running]
        super().kill_all(when_killed)

    def freeze(self) -> None:
        """As the real one's."""
        self.story.append("freeze")

    def thaw(self) -> None:
        """As the real one's."""
        self.story.append("thaw")


class ExtendedRig(Rig):
    """The environment, and all verbs of its runtime and its extensions, by name.

    The `story` of its group lists in order what was started, signalled and delivered.
    """

    def __init__(self, external: Sequence[str], freeze: bool = False) -> None:
        super().__init__(partial(SignalledGroup, external), freeze)
        self.known: dict[str, Extension] = {}

    @property
    def told(self) -> list[str]:
        """What was started, signalled and delivered since the last look."""
        self.clock.run()
        told, self.group.story = self.group.story, []
        return told

    def program(self, name: str) -> FakeProcess:
        """The process with this name."""
        (process,) = [process for process in self.group.running if process.name == name]
        return process

    def register(self, name: str, *events: str) -> Extension:
        """An extension registers."""
        extension = self.environment.extensions.register(name, json.dumps({"events": events}).encode())
        self.known[name] = extension
        self.clock.run()
        return extension

    def next(self, name: str) -> None:
        """An extension asks for its next event."""

        def deliver(event: bytes, event_id: str | None) -> None:
            document: Mapping[str, Any] = json.loads(event)
            reason = document.get("shutdownReason")
            left = document["deadlineMs"] / 1000 - self.clock.time()
            self.group.story.append(f"{document['eventType']} {name} {f'{reason} ' if reason else ''}{left:.1f}")

        self.environment.extensions.next(self.known[name].identifier, deliver)
        self.clock.run()

    def warm_up(self, **events: Sequence[str]) -> None:
        """Register these extensions and complete a first invocation; its events and story are forgotten."""
        call = self.call()
        for name, wanted in events.items():
            self.register(name, *wanted)
        for name in events:
            self.next(name)
        self.ask()
        self.respond(call)
        self.ask()
        for name, wanted in events.items():
            if "INVOKE" in wanted:
                self.next(name)
        assert self.state[0] == "Idle"
        self.forget()

    def forget(self) -> None:
        """Forget what has happened."""
        self.clock.run()
        self.events.clear()
        self.delivered.clear()
        self.group.story.clear()
        self.freed = 0

    def shut_down(self) -> list[str]:
        """Shut down; the list is empty until the environment has terminated."""
        ended: list[str] = []
        self.environment.shutdown(lambda: ended.append("terminated"))
        self.clock.run()
        return ended
