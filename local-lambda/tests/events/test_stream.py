"""One emitter, many sinks: events are passed on in order, later, and a failing sink does not affect the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local_lambda.errors import UsageError
from local_lambda.events.local import ExtensionNext
from local_lambda.events.platform import Event, FunctionLog, LogsDropped, Report, Start
from local_lambda.events.stream import EventStream
from local_lambda.sinks.recorder import Recorder, open_recording


class Bench:
    """A stream whose deferred work is done when the test says so."""

    def __init__(self) -> None:
        self.deferred: list[Callable[[], None]] = []
        self.broken: list[tuple[object, str]] = []
        self.stream = EventStream(self.deferred.append, lambda sink, error: self.broken.append((sink, str(error))))

    def emit(self, *lines: str) -> None:
        for line in lines:
            self.stream.emit(FunctionLog(0.0, line, "function"))

    def run(self) -> None:
        while self.deferred:
            self.deferred.pop(0)()


@pytest.fixture
def bench() -> Bench:
    """A new stream."""
    return Bench()


def line(event: Event) -> str:
    return str(event.record())


def test_emit_defers_once_and_keeps_the_order(bench: Bench) -> None:
    """Every sink gets every event, after the work at hand."""
    first: list[str] = []
    second: list[str] = []
    bench.stream.add(lambda event: first.append(line(event)))
    bench.stream.add(lambda event: second.append(line(event)))
    bench.emit("a", "b")
    assert (first, len(bench.deferred)) == ([], 1)
    bench.run()
    bench.emit("c")
    bench.run()
    assert first == second == ["a", "b", "c"]


def test_emit_of_a_function_makes_the_event_when_it_is_handed_out(bench: Bench) -> None:
    """Writing an event does not delay the response."""
    seen: list[str] = []
    made: list[int] = []
    bench.stream.add(lambda event: seen.append(line(event)))

    def event() -> Event:
        made.append(1)
        return FunctionLog(0.0, "late", "function")

    bench.stream.emit(event)
    assert made == []
    bench.run()
    assert (made, seen) == ([1], ["late"])


def test_sink_that_raises_is_switched_off_and_reported(bench: Bench) -> None:
    """Once; the others get everything."""
    seen: list[str] = []

    def broken(event: Event) -> None:
        raise ValueError("disk full")

    bench.stream.add(broken)
    bench.stream.add(lambda event: seen.append(line(event)))
    bench.emit("a", "b")
    bench.run()
    assert seen == ["a", "b"]
    assert bench.broken == [(broken, "disk full")]


def test_sink_that_emits_is_heard_in_its_turn(bench: Bench) -> None:
    """An event that comes of an event is handed out after it."""
    seen: list[str] = []

    def echo(event: Event) -> None:
        seen.append(line(event))
        if line(event) == "a":
            bench.emit("echo of a")

    bench.stream.add(echo)
    bench.emit("a", "b")
    bench.run()
    assert seen == ["a", "b", "echo of a"]


def test_flush_hands_out_what_waits(bench: Bench) -> None:
    """Before a response that has to contain the log; the deferred flush finds nothing."""
    seen: list[str] = []
    bench.stream.add(lambda event: seen.append(line(event)))
    bench.emit("a")
    bench.stream.flush()
    assert seen == ["a"]
    bench.run()
    assert seen == ["a"]


def test_recorder_writes_each_event_at_once(tmp_path: Path) -> None:
    """A line is in the file before the next event is taken."""
    path = tmp_path / "run.jsonl"
    recorder = Recorder(open_recording(path))
    sink = recorder.sink(2)
    for number, text in enumerate(("one\n", "zw\xf6lf\n"), 1):
        sink(FunctionLog(0.0, text, "function"))
        assert len(path.read_bytes().splitlines()) == number
    recorder.close()
    line = '{"time":"1970-01-01T00:00:00.000Z","at":0.0,"environment":2,"type":"function","record":"one\\n"}\n'
    assert path.read_text().startswith(line)


def test_recorder_keeps_an_earlier_recording_until_the_run_begins(tmp_path: Path) -> None:
    """The first environment begins it, and the second one adds to it."""
    path = tmp_path / "run.jsonl"
    path.write_text("earlier\n")
    recorder = Recorder(open_recording(path))
    assert path.read_text() == "earlier\n"
    for environment in (1, 2):
        recorder.sink(environment)(FunctionLog(0.0, "one\n", "function"))
    recorder.close()
    assert [json.loads(line)["environment"] for line in path.read_text().splitlines()] == [1, 2]


def test_recorder_of_a_file_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    """Said when it is opened, not when the first event comes."""
    with pytest.raises(UsageError, match=r"cannot write the recording .*absent.*: No such file or directory"):
        open_recording(tmp_path / "absent" / "run.jsonl")


def test_local_events_are_for_recorders_alone(bench: Bench) -> None:
    """Subscribers, log lines and reports get what AWS's telemetry has; without a recorder, nothing more is created."""
    seen: list[Event] = []
    recorded: list[Event] = []
    bench.stream.add(seen.append)
    assert not bench.stream.recording
    bench.stream.add(recorded.append, recorder=True)
    assert bench.stream.recording
    local, log = ExtensionNext(0.0, "extension:one"), FunctionLog(0.0, "line", "function")
    for event in (local, log):
        bench.stream.emit(event)
    bench.stream.flush()
    assert (seen, recorded) == ([log], [local, log])


class Choosy:
    """A sink that makes something of reports, and of logs while it is awake."""

    def __init__(self) -> None:
        self.awake = True

    def wants(self, kind: type[Event]) -> bool:
        return kind is Report or (self.awake and kind is FunctionLog)

    def __call__(self, event: Event) -> None:
        pass


def test_wanted_is_what_some_sink_wants_now(bench: Bench) -> None:
    """A sink that changes its mind says so."""
    choosy = Choosy()
    assert not bench.stream.wanted(Report)
    bench.stream.add(choosy)
    assert [bench.stream.wanted(kind) for kind in (Report, FunctionLog, Start)] == [True, True, False]
    choosy.awake = False
    assert bench.stream.wanted(FunctionLog)
    bench.stream.reconsider()
    assert [bench.stream.wanted(kind) for kind in (Report, FunctionLog, Start)] == [True, False, False]
    bench.stream.add(lambda event: None)
    assert bench.stream.wanted(Start)


def test_sink_for_some_kinds_gets_no_others(bench: Bench) -> None:
    """And what it does not get it does not want."""
    seen: list[Event] = []
    everything: list[Event] = []
    bench.stream.add(seen.append, kinds=(LogsDropped,))
    assert [bench.stream.wanted(kind) for kind in (LogsDropped, FunctionLog)] == [True, False]
    bench.stream.add(everything.append)
    dropped, log = LogsDropped(0.0, "reason", 1, 2), FunctionLog(0.0, "line", "function")
    for event in (log, dropped, log):
        bench.stream.emit(event)
    bench.run()
    assert (seen, everything) == ([dropped], [log, dropped, log])


def test_sink_that_is_switched_off_wants_nothing(bench: Bench) -> None:
    """Nothing is made for it any more."""

    def broken(event: Event) -> None:
        raise ValueError("disk full")

    bench.stream.add(broken)
    assert bench.stream.wanted(FunctionLog)
    bench.emit("a")
    bench.run()
    assert not bench.stream.wanted(FunctionLog)
