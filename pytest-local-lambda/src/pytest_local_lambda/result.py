"""What an invocation, or a whole run, has produced: payload, error, log, events and trace.

An event is a record of the Telemetry API (https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html)
or, if its type begins with `local.`, one of local-lambda: `{"time": …, "type": …, "record": …}`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional

Event = Dict[str, Any]


class FunctionError(NamedTuple):
    """The error that a function or its runtime reported."""

    type: str
    message: str
    stack_trace: List[str]


class ExtensionRecord(NamedTuple):
    """What an extension got and wrote: `events` are `INVOKE` and `SHUTDOWN`, `log` has its lines."""

    events: List[str]
    log: str


class Segment:
    """A segment or subsegment of a trace. `document` is all of it, as the X-Ray SDK sent it."""

    def __init__(self, document: Dict[str, Any], subsegments: List[Segment]) -> None:
        self.document = document
        self.name = str(document.get("name"))
        self.subsegments = subsegments
        self.annotations: Dict[str, Any] = document.get("annotations", {})
        self.metadata: Dict[str, Any] = document.get("metadata", {})

    def __repr__(self) -> str:
        return f"Segment({self.name!r}, {self.subsegments!r})"

    @property
    def failed(self) -> bool:
        """Whether it is marked as an error, a fault or a throttle."""
        return any(self.document.get(name) for name in ("error", "fault", "throttle"))

    def find(self, name: str) -> List[Segment]:
        """All subsegments of this name, at any depth, in the order of time."""
        found = [each for each in self.subsegments if each.name == name]
        for each in self.subsegments:
            found += each.find(name)
        return sorted(found, key=lambda segment: float(segment.document["start_time"]))


def tree(documents: Iterable[Dict[str, Any]]) -> Segment:
    """The function's segment; below it is what the function itself has traced."""
    flat: Dict[str, Dict[str, Any]] = {}
    ahead = [(document, document.get("parent_id")) for document in documents]
    while ahead:
        document, parent = ahead.pop()
        flat[document["id"]] = {**document, "parent_id": parent}
        ahead += [(each, document["id"]) for each in document.get("subsegments", ())]

    def build(document: Dict[str, Any]) -> Segment:
        below = [each for each in flat.values() if each["parent_id"] == document["id"]]
        return Segment(document, [build(each) for each in sorted(below, key=lambda each: float(each["start_time"]))])

    (function,) = [each for each in flat.values() if each.get("origin") == "AWS::Lambda::Function"]
    own = build(function)
    invocation = [each for each in own.subsegments if each.name == "Invocation"]
    return Segment(function, invocation[0].subsegments if invocation else [])


class Result:
    """One invocation: what the caller got, and what happened meanwhile.

    `events` are those from the START of the invocation (or, after a cold start, of its environment) to its REPORT.
    """

    def __init__(
        self,
        request_id: str,
        status: int,
        failed: bool,
        payload: Any,
        events: List[Event],
        trace: Callable[[], Segment],
    ) -> None:
        self.request_id = request_id
        self.status = status
        self.payload = payload
        self.events = events
        self._failed = failed
        self._trace = trace

    def __repr__(self) -> str:
        return f"Result(payload={self.payload!r}, error={self.error!r}, duration_ms={self.duration_ms})"

    @property
    def error(self) -> Optional[FunctionError]:
        """The error of the function; None if it succeeded."""
        if not self._failed:
            return None
        body = self.payload if isinstance(self.payload, dict) else {}
        return FunctionError(
            str(body.get("errorType", "")), str(body.get("errorMessage", "")), list(body.get("stackTrace") or ())
        )

    @property
    def logs(self) -> str:
        """All that the function has written, with line ends."""
        return "".join(str(event["record"]) for event in self.events if event["type"] == "function")

    @property
    def report(self) -> Dict[str, Any]:
        """The record of `platform.report`: status, metrics, spans."""
        reports = [event["record"] for event in self.events if event["type"] == "platform.report"]
        return dict(reports[-1]) if reports else {}

    @property
    def metrics(self) -> Dict[str, Any]:
        """`durationMs`, `billedDurationMs`, `memorySizeMB`, `maxMemoryUsedMB`; if cold, `initDurationMs`."""
        return dict(self.report.get("metrics", {}))

    @property
    def duration_ms(self) -> float:
        """How long the invocation took, in milliseconds."""
        return float(self.metrics.get("durationMs", 0.0))

    @property
    def cold(self) -> bool:
        """Whether the environment was started for this invocation."""
        return "initDurationMs" in self.metrics

    @property
    def timed_out(self) -> bool:
        """Whether the function's timeout ended it."""
        return self.report.get("status") == "timeout"

    @property
    def trace(self) -> Segment:
        """The function's segment, if it traces (`Tracing: Active`); raises LookupError otherwise."""
        return self._trace()

    def extension(self, name: str) -> ExtensionRecord:
        """What the extension of this name got and wrote during the invocation."""
        return extension_record(self.events, name)


class Run:
    """One complete life of an environment: started, invoked, shut down.

    `status` is the exit status of `local-lambda invoke`, `report` its document, `results` has its invocations.
    """

    def __init__(self, status: int, report: Dict[str, Any], log: str) -> None:
        self.status = status
        self.report = report
        self.log = log
        self.results = [self._result(invocation) for invocation in report["invocations"]]

    def events(self, prefix: str = "") -> List[Event]:
        """The events whose type begins with the prefix, in the order of time."""
        return [event for event in self.report["events"] if event["type"].startswith(prefix)]

    def lines(self, kind: str) -> List[str]:
        """The lines that the function (`function`) or the extensions (`extension`) have written."""
        return [event["record"].rstrip("\n") for event in self.events() if event["type"] == kind]

    @property
    def payloads(self) -> List[Any]:
        """The responses, in order."""
        return [result.payload for result in self.results]

    @property
    def logs(self) -> str:
        """All that the function has written, with line ends."""
        return "".join(event["record"] for event in self.events("function"))

    def subsegments(self, name: str) -> List[Dict[str, Any]]:
        """The subsegments of that name in all traces, in the order of time."""
        found = []
        ahead = list(self.report["segments"])
        while ahead:
            segment = ahead.pop()
            ahead += segment.get("subsegments", [])
            if segment["name"] == name:
                found.append(segment)
        return sorted(found, key=lambda segment: float(segment["start_time"]))

    def _result(self, invocation: Dict[str, Any]) -> Result:
        request_id = invocation["requestId"]

        def trace() -> Segment:
            ids = {each["record"]["requestId"]: each["record"] for each in self.events("platform.start")}
            root = str(ids[request_id].get("tracing", {}).get("value", "")).partition(";")[0].replace("Root=", "")
            documents = [each for each in self.report["segments"] if each.get("trace_id") == root]
            if not documents:
                raise LookupError("the invocation was not traced; set Tracing: Active in the template")
            return tree(documents)

        return Result(
            request_id,
            invocation["statusCode"],
            bool(invocation["functionError"]),
            invocation["payload"],
            invocation_events(self.report["events"], request_id),
            trace,
        )


def invocation_events(events: List[Event], request_id: str) -> List[Event]:
    """The events of one invocation, among those of its environment."""
    first = last = None
    for number, event in enumerate(events):
        record = event["record"]
        if isinstance(record, dict) and record.get("requestId") == request_id:
            first = number if first is None and event["type"] == "platform.start" else first
            last = number if event["type"] == "platform.report" else last
    if first is None:
        return []
    if last is not None and "initDurationMs" in events[last]["record"]["metrics"]:
        first = max(number for number, event in enumerate(events[:first]) if event["type"] == "platform.initStart")
    return events[first : None if last is None else last + 1]


def extension_record(events: List[Event], name: str) -> ExtensionRecord:
    """What the extension of this name got and wrote, according to these events."""
    got, log = [], []
    for event in events:
        record = event["record"]
        if event["type"] == "local.extensionEvent" and record["process"] in (name, f"extension:{name}"):
            got.append(record["event"])
        elif event["type"] == "extension" and event.get("source", name) in (name, f"extension:{name}"):
            log.append(str(record))
    return ExtensionRecord(got, "".join(log))
