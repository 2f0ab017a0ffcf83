"""An environment with extensions, without sockets and processes: the test is all of them, and time is not real."""

from __future__ import annotations

import asyncio
import json
import selectors
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from local_lambda.environment import environment, init_phase, shutdown_phase
from local_lambda.environment.extensions import Extension
from local_lambda.functions.config import FunctionConfig
from local_lambda.processes.launch import Launch
from support.environment_rig import EPOCH, TIMEOUT, FakeGroup, FakeProcess, Rig

MakeRig = Callable[..., "ExtendedRig"]
BOTH = ("INVOKE", "SHUTDOWN")


class PatientSelector(selectors.DefaultSelector):
    """Waits for nothing: where it would, time passes."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        """As if `timeout` had passed."""
        assert timeout is not None, "everybody waits for ever"
        self._clock.now += max(timeout, 0.0)
        return super().select(0)


class LoopClock:
    """`Clock` of the rig on asyncio's own loop, for what is a coroutine."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.loop = asyncio.SelectorEventLoop(PatientSelector(self))
        self.loop.time = lambda: self.now  # type: ignore[method-assign]
        for name in ("call_soon", "call_later", "create_future", "create_task"):
            setattr(self, name, getattr(self.loop, name))

    def time(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self.now

    def perf_counter(self) -> float:
        """Seconds."""
        return self.now

    def run(self) -> None:
        """Everything that is due now."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, and whatever is due meanwhile."""

        async def wait() -> None:
            end = self.now + seconds
            for _ in range(20):
                await asyncio.sleep(0)
            if seconds:
                await asyncio.sleep(seconds)
                self.now = max(self.now, end)
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(wait())

    def close(self) -> None:
        """Forget whoever still waits."""

        async def cancel() -> None:
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        self.loop.run_until_complete(cancel())
        self.loop.close()


class SignalledGroup(FakeGroup):
    """Remembers signals; a killed process ends."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.story: list[str] = []

    def spawn(self, name: str, *arguments: Any, framed_log: bool = False) -> FakeProcess:
        """As the real one's."""
        self.story.append(f"spawn {name}")
        return super().spawn(name, *arguments)

    def signal(self, process: FakeProcess, number: int) -> None:
        """As the real one's."""
        self.story.append(f"{signal.Signals(number).name} {process.name}")
        if number == signal.SIGKILL:
            self.clock.call_soon(self._killed, process)

    def _killed(self, process: FakeProcess) -> None:
        if process in self.running:
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
    """The environment, and all verbs of its runtime and of its extensions, by name.

    `story` of its group tells in order what was started, signalled and delivered.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, external: Sequence[str], freeze: bool = False) -> None:
        super().__init__(monkeypatch)
        self.clock: Any = LoopClock()
        for module in (environment, init_phase, shutdown_phase):
            monkeypatch.setattr(module, "perf_counter", self.clock.perf_counter)
            monkeypatch.setattr(module, "time", self.clock.time)
        self.group = SignalledGroup(self.clock)
        self.known: dict[str, Extension] = {}
        stream = self.environment.stream
        stream._defer = self.clock.call_soon
        self.environment = environment.ExecutionEnvironment(
            FunctionConfig("hello", "app.handler", timeout=TIMEOUT),
            Launch(argv=("python",), env={}, cwd="/", log_stream="stream", extensions=tuple(external)),
            self.group,
            stream,
            lambda: b"the tail",
            self.environment.subscriptions,
            freeze=freeze,
        )
        self.environment.attach(self.clock)
        self.environment.on_free = self._freed

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
        extension = self.environment.register_extension(name, json.dumps({"events": events}).encode())
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

        self.environment.extension_next(self.known[name].identifier, deliver)
        self.clock.run()

    def warm_up(self, **events: Sequence[str]) -> None:
        """Register these extensions and go through a first invocation; its events and its story are forgotten."""
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
