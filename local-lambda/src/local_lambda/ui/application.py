"""The port of the page: its files, what it shows, and its buttons. Invocations go to the Invoke API as they are."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from local_lambda.apis.errors import answering_errors
from local_lambda.apis.invoke_2015_03_31 import is_invocation
from local_lambda.apis.router import Router
from local_lambda.errors import ApiError, UsageError
from local_lambda.http.exchange import Application, Exchange
from local_lambda.timeline import palette
from local_lambda.ui.actions import Actions
from local_lambda.ui.further_reading import FurtherReading
from local_lambda.ui.guard import HEADERS, SECURITY, Guard
from local_lambda.ui.history import History
from local_lambda.ui.journal import Journal
from local_lambda.ui.picture import Wish, draw_picture
from local_lambda.ui.recordings import MAX_BYTES, LoadedRecording, Recordings
from local_lambda.ui.sample_events import SampleEvents
from local_lambda.ui.snapshot import snapshot
from local_lambda.ui.stream import PageStream

PAGE = Path(__file__).with_name("page")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PICTURE_SHARE = 20
"""Drawing takes at most one part in so many of the tool's time: the page waits as long between two pictures."""
LEAST_PAUSE_MS = 250


class Parts(NamedTuple):
    """What the page is made of. `about` is what never changes, and `make_event` makes the sample event of a kind."""

    guard: Guard
    journal: Journal
    stream: PageStream
    actions: Actions
    events: SampleEvents
    recordings: Recordings
    reading: FurtherReading
    invoke: Application
    about: Mapping[str, Any]
    make_event: Callable[[str], bytes]


class PageApplication:
    """The application of the port."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        routes: dict[tuple[str, str], Callable[..., None]] = {
            ("GET", "/api/about"): self._about,
            ("GET", "/api/stream"): self._stream,
            ("GET", "/api/picture"): self._picture,
            ("GET", "/api/events/{name}"): self._event,
            ("GET", "/api/kinds/{kind}"): self._kind,
            ("POST", "/api/functions/{name}/end"): self._end,
            ("POST", "/api/recordings"): self._load,
            ("GET", "/api/recordings/{number}"): self._replay,
        }
        for name, action in parts.actions.on_environment.items():
            routes["POST", f"/api/environments/{{number}}/{name}"] = partial(self._act, action)
        self._router = Router(routes, _unknown)
        self.serve = answering_errors(self._serve, page_error)

    def refuse(self) -> None:
        """Start nothing from now on: the tool is about to end."""
        self._stopping = True

    def _serve(self, exchange: Exchange) -> None:
        guard = self._parts.guard
        guard.check_origin(exchange)
        if exchange.method == b"GET" and (found := self._file(exchange.path.decode("latin-1"))) is not None:
            exchange.respond(200, found[1], [("Content-Type", f"{found[0]}; charset=utf-8")], HEADERS)
            return
        guard.check_token(exchange)
        if self._stopping and exchange.method == b"POST":
            raise ApiError(503, "Stopping", "The tool is about to end")
        if is_invocation(exchange.path):
            self._parts.invoke(exchange)
        else:
            self._router.serve(exchange)

    def _file(self, path: str) -> tuple[str, bytes] | None:
        """A file that every reader may have: type and content."""
        if (text := self._parts.reading.page(path)) is not None:
            return _TYPES[".html"], text
        return files().get(path)

    def _about(self, exchange: Exchange) -> None:
        _respond(exchange, {**self._parts.about, "events": self._parts.events.names()})

    def _stream(self, exchange: Exchange) -> None:
        if self._parts.stream.full:
            raise ApiError(503, "TooMany", "Too many pages are open: close one")
        self._parts.stream.open(exchange, list(SECURITY))

    def _event(self, exchange: Exchange, name: bytes) -> None:
        _respond(exchange, {"text": self._parts.events.read(unquote(name.decode("latin-1")))})

    def _kind(self, exchange: Exchange, kind: bytes) -> None:
        if kind.decode("latin-1") not in self._parts.about["kinds"]:
            raise ApiError(404, "NotFound", "`local-lambda event` makes no such event")
        try:
            text = self._parts.make_event(kind.decode()).decode()
        except UsageError as error:
            raise ApiError(400, "BadRequest", str(error)) from None
        _respond(exchange, {"text": text})

    def _end(self, exchange: Exchange, name: bytes) -> None:
        self._parts.actions.end_all(unquote(name.decode("latin-1")))
        _respond(exchange, {})

    def _act(self, action: Callable[[int], None], exchange: Exchange, number: bytes) -> None:
        action(_number(number))
        _respond(exchange, {})

    def _picture(self, exchange: Exchange) -> None:
        query = parse_qs(exchange.query.decode("latin-1"))
        journal = self._parts.journal
        loaded = self._loaded(query["recording"][0].encode()) if "recording" in query else None
        histories = journal.histories if loaded is None else loaded.histories
        now = time.time() if loaded is None else loaded.began
        if "until" in query:
            now = _seconds(query)
        wish = Wish(
            tuple(_number(each.encode()) for each in query.get("environments", [""])[0].split(",")[:100] if each),
            _number(query.get("last", ["8"])[0].encode()),
            query.get("phase", [""])[0],
            now if "until" in query else None,
        )
        draw = partial(_draw, list(histories.values()), wish, now)
        if loaded is None:
            _respond(exchange, {**draw(), "version": journal.version})
        else:
            self._begin(self._draw_loaded(exchange, draw))

    async def _draw_loaded(self, exchange: Exchange, draw: Callable[[], dict[str, Any]]) -> None:
        """A recording may have long phases, and does not change: the tool serves meanwhile."""
        try:
            drawn = await asyncio.to_thread(draw)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            page_error(exchange, ApiError(400, "NotARecording", "The recording has a phase that cannot be drawn"))
            return
        _respond(exchange, drawn)

    def _load(self, exchange: Exchange) -> None:
        if exchange.body_size > MAX_BYTES:
            raise ApiError(
                413, "TooLarge", f"A recording of more than {MAX_BYTES >> 20} MB: draw it with `local-lambda timeline`"
            )
        name = parse_qs(exchange.query.decode("latin-1")).get("name", ["the recording"])[0][:100]
        self._begin(self._read(exchange, exchange.body, name))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, exchange: Exchange, data: bytes, name: str) -> None:
        try:
            loaded = await asyncio.to_thread(LoadedRecording, data, name)
        except UsageError as error:
            page_error(exchange, ApiError(400, "NotARecording", str(error)))
            return
        number = self._parts.recordings.add(loaded)
        _respond(exchange, {"number": number, "name": loaded.name, "began": loaded.began, "end": loaded.end})

    def _replay(self, exchange: Exchange, number: bytes) -> None:
        loaded = self._loaded(number)
        until = _seconds(parse_qs(exchange.query.decode("latin-1")))
        document = {
            "environments": snapshot(loaded.histories.values(), until),
            "lines": loaded.lines_until(until),
            "traces": loaded.traces_until(until),
        }
        _respond(exchange, document)

    def _loaded(self, number: bytes) -> LoadedRecording:
        found = self._parts.recordings.find(_number(number))
        if found is None:
            raise ApiError(404, "NotFound", "This recording is no longer in memory: load it again")
        return found


@cache
def files() -> Mapping[str, tuple[str, bytes]]:
    """The files of the page by their path: type and content."""
    found = {f"/{path.name}": (_TYPES[path.suffix], path.read_bytes()) for path in PAGE.iterdir() if path.is_file()}
    found["/"] = found.pop("/index.html")
    found["/palette.css"] = _TYPES[".css"], palette.style_sheet().encode()
    return found


def page_error(exchange: Exchange, error: ApiError) -> None:
    """An error that the page shows to its reader."""
    exchange.respond(error.status, _json({"message": error.message}), [("Content-Type", "application/json")], HEADERS)


def _unknown(exchange: Exchange) -> ApiError:
    return ApiError(404, "NotFound", "There is no such path on the port of the page")


def _draw(histories: Sequence[History], wish: Wish, now: float) -> dict[str, Any]:
    began = time.perf_counter()
    drawn = draw_picture(histories, wish, now)
    took = (time.perf_counter() - began) * 1000
    return {
        "svg": drawn.svg,
        "leftOut": drawn.left_out,
        "eventsLeftOut": drawn.events_left_out,
        "pauseMs": max(LEAST_PAUSE_MS, round(took * PICTURE_SHARE)),
    }


def _respond(exchange: Exchange, document: object) -> None:
    exchange.respond(200, _json(document), [("Content-Type", "application/json")], HEADERS)


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 9:
        raise ApiError(400, "BadRequest", "A number is missing in the request")
    return int(text)


def _seconds(query: Mapping[str, list[str]]) -> float:
    try:
        value = float(query["until"][0])
        if not math.isfinite(value):
            raise ValueError
    except (LookupError, ValueError):
        raise ApiError(400, "BadRequest", "The request has no time `until`") from None
    return value
