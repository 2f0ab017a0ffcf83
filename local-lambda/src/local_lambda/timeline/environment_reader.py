"""Turns the events of one environment, in order, into its phases, lanes and subsegments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_lambda.timeline.model import Environment, Lane, Phase, Subsegment
from local_lambda.timeline.subsegments import read_subsegments
from local_lambda.timeline.tracks import Track

PLATFORM, RUNTIME = "platform", "runtime"


class EnvironmentReader:
    """Reads the events of environment `number`; times count from `began` (seconds since the epoch).

    `left_out` is the number of invocations before the first one that is read.
    """

    def __init__(self, number: int, began: float, left_out: int = 0) -> None:
        self.number = number
        self.ended = False
        self._began = began
        self._left_out = left_out
        self._function = ""
        self._phases: list[Phase] = []
        self._phase: tuple[str, float, str] | None = None
        self._tracks: dict[str, Track] = {PLATFORM: Track(), RUNTIME: Track()}
        self._subsegments: list[Subsegment] = []
        self._invocations: dict[str, str] = {}
        self._failed = False
        self._started: dict[str, Any] | None = None
        self._suppressed: dict[str, Any] | None = None
        """The start of an invocation that waits for an Init phase inside it: both began at the same time."""
        self._handlers: dict[str, Callable[[dict[str, Any], float], None]] = {
            "platform.initStart": self._init_start,
            "platform.initRuntimeDone": self._init_runtime_done,
            "platform.initReport": self._init_report,
            "platform.restoreStart": self._restore_start,
            "platform.restoreRuntimeDone": self._init_runtime_done,
            "platform.restoreReport": self._init_report,
            "platform.start": self._start,
            "platform.runtimeDone": self._runtime_done,
            "platform.report": self._report,
            "platform.extension": self._extension,
            "platform.logsDropped": self._dropped,
            "function": self._function_log,
            "local.processStarted": self._process_started,
            "local.processExited": self._process_exited,
            "local.processSignalled": self._process_signalled,
            "local.extensionRegistered": self._extension_registered,
            "local.extensionNext": self._extension_next,
            "local.extensionEvent": self._extension_event,
            "local.delivery": self._delivery,
            "local.freeze": self._freeze,
            "local.stop": self._stop,
            "local.stopped": self._stopped,
            "local.trace": self._trace,
        }

    def take(self, event: dict[str, Any]) -> None:
        """Read one event; unknown types are ignored."""
        time = round((event["at"] - self._began) * 1000, 3)
        handler = self._handlers.get(event["type"])
        if handler is not None:
            handler(event, time)
        elif event["type"] == "extension":
            self._lane(f"extension:{event.get('source', '')}").mark("log", time, _line(event["record"]))

    def finish(self, end: float) -> Environment:
        """The complete environment; what is still open ends with the recording, at `end` (seconds since the epoch)."""
        last = round((end - self._began) * 1000, 3)
        for track in self._tracks.values():
            track.end_all(last)
        if self._phase is not None:
            self._end_phase(last)
        lanes = [Lane(name, tuple(track.spans), tuple(track.marks)) for name, track in self._tracks.items()]
        return Environment(self.number, self._function, tuple(self._phases), tuple(lanes), tuple(self._subsegments))

    def _lane(self, name: str) -> Track:
        return self._tracks.setdefault(name, Track())

    # --- phases

    def _begin_phase(self, name: str, start: float, detail: str = "") -> None:
        if self._phase is not None:
            self._end_phase(start)
        self._phase = name, start, detail
        self._failed = False

    def _end_phase(self, end: float, failed: bool = False, detail: str = "") -> None:
        if self._phase is not None:
            name, start, before = self._phase
            text = "; ".join(filter(None, (before, detail)))
            self._phases.append(Phase(name, start, max(start, end), text, failed or self._failed))
            self._phase = None

    def _init_start(self, event: dict[str, Any], time: float) -> None:
        self._function = event["record"].get("functionName", "")
        if event["record"].get("phase") == "invoke" and self._started is not None and self._phase is not None:
            self._suppressed, self._phase = self._started, None
            self._lane(RUNTIME).open.pop("handler", None)
            del self._invocations[self._started["record"]["requestId"]]
        self._begin_phase("Init", time)

    def _restore_start(self, event: dict[str, Any], time: float) -> None:
        self._function = event["record"].get("functionName", "")
        self._begin_phase("Restore", time)

    def _init_runtime_done(self, event: dict[str, Any], time: float) -> None:
        failed = event["record"].get("status") != "success"
        self._lane(RUNTIME).end("start", time, failed)
        if failed:
            self._lane(RUNTIME).mark("error", time, event["record"].get("errorType") or event["record"]["status"])

    def _init_report(self, event: dict[str, Any], time: float) -> None:
        failed = event["record"].get("status") != "success"
        self._end_phase(time, failed, event["record"].get("errorType", ""))
        if self._suppressed is not None:
            suppressed, self._suppressed = self._suppressed, None
            self._start(suppressed, time)

    def _start(self, event: dict[str, Any], time: float) -> None:
        if self._phase is not None and self._phase[0] in ("Init", "Restore"):
            self._suppressed = event
            return
        self._started = event
        request_id = event["record"]["requestId"]
        name = f"Invoke {self._left_out + len(self._invocations) + 1}"
        self._invocations[request_id] = name
        self._begin_phase(name, time, f"request {request_id}")
        if self._lane(RUNTIME).running:
            self._lane(RUNTIME).begin("handler", time)

    def _runtime_done(self, event: dict[str, Any], time: float) -> None:
        record, track = event["record"], self._lane(RUNTIME)
        failed = bool(event.get("failed")) or record["status"] != "success"
        spans = {span["name"]: span["durationMs"] for span in record.get("spans", ())}
        answered = time - spans.get("runtimeOverhead", 0.0)
        began = answered - spans.get("responseDuration", 0.0)
        streamed = bool(event.get("streamed"))
        track.end("handler", time if not spans else began if streamed else answered, failed)
        if streamed:
            track.begin("response", began)
            track.end("response", answered, failed)
        if spans:
            track.begin("overhead", answered)
            track.end("overhead", time)
        if failed:
            reason = record.get("errorType") or record["status"]
            track.mark("error", answered if spans else time, "the handler failed" if reason == "success" else reason)
            self._failed = True

    def _report(self, event: dict[str, Any], time: float) -> None:
        record, self._started = event["record"], None
        self._end_phase(time, record["status"] != "success", record.get("errorType", ""))

    def _stop(self, event: dict[str, Any], time: float) -> None:
        reason = event["record"]["reason"]
        self._begin_phase("Shutdown" if reason == "spindown" else "Reset", time, reason)

    def _stopped(self, event: dict[str, Any], time: float) -> None:
        self._end_phase(time)
        self.ended = bool(event["record"]["final"])

    # --- processes

    def _process_started(self, event: dict[str, Any], time: float) -> None:
        track = self._lane(event["record"]["process"])
        track.told, track.running = False, True
        track.begin("start", time)

    def _process_exited(self, event: dict[str, Any], time: float) -> None:
        record, code = event["record"], event["record"]["exitCode"]
        track = self._lane(record["process"])
        track.end_all(time, failed=not track.told)
        track.running = False
        text = f"ended by signal {-code}" if code < 0 else f"exit status {code}"
        track.mark("exit" if track.told else "error", time, text)

    def _process_signalled(self, event: dict[str, Any], time: float) -> None:
        track, name = self._lane(event["record"]["process"]), event["record"]["signal"]
        track.mark("kill" if name == "SIGKILL" else "signal", time, name)
        track.told = True
        if "shutdown" not in track.open:
            track.begin("shutdown", time, name)

    def _function_log(self, event: dict[str, Any], time: float) -> None:
        self._lane(RUNTIME).mark("log", time, _line(event["record"]))

    # --- extensions

    def _extension_registered(self, event: dict[str, Any], time: float) -> None:
        track = self._lane(event["record"]["process"])
        track.end("start", time)
        track.begin("register", time, f"for {', '.join(event['record']['events']) or 'no events'}")

    def _extension_next(self, event: dict[str, Any], time: float) -> None:
        track = self._lane(event["record"]["process"])
        track.end("register", time)
        track.end("event", time)

    def _extension_event(self, event: dict[str, Any], time: float) -> None:
        kind, track = event["record"]["event"], self._lane(event["record"]["process"])
        track.told |= kind == "SHUTDOWN"
        track.begin("shutdown" if kind == "SHUTDOWN" else "event", time, kind)

    def _extension(self, event: dict[str, Any], time: float) -> None:
        record = event["record"]
        if record["state"] not in ("Ready", "Registered", "Started"):
            reason = record.get("errorType") or record["state"]
            self._lane(f"extension:{record['name']}").mark("error", time, reason)

    def _delivery(self, event: dict[str, Any], time: float) -> None:
        record = event["record"]
        track = self._lane(record["process"])
        text = f"{record['records']} records, {record['bytes']} bytes, {record['durationMs']:.1f} ms"
        if "error" in record:
            track.mark("error", time, f"not delivered: {record['error']}")
        else:
            track.mark("delivery", time, text)

    def _dropped(self, event: dict[str, Any], time: float) -> None:
        self._lane(PLATFORM).mark("dropped", time, f"{event['record']['droppedRecords']} records dropped")

    def _freeze(self, event: dict[str, Any], time: float) -> None:
        track = self._lane(PLATFORM)
        if event["record"]["frozen"]:
            track.begin("frozen", time)
        else:
            track.end("frozen", time)

    def _trace(self, event: dict[str, Any], time: float) -> None:
        name = self._invocations.get(event["record"]["requestId"])
        if name is not None:
            self._subsegments += read_subsegments(event["record"]["documents"], name, self._began)


def _line(text: Any) -> str:
    return str(text).rstrip("\n")[:200]
