"""Drawings of timelines: well-formed, legible whatever was recorded, and the same for the same run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from local_lambda.timeline import palette
from local_lambda.timeline.html import draw_html
from local_lambda.timeline.layout import text_width
from local_lambda.timeline.model import Environment, Lane, LaneSpan, Mark, Phase, Subsegment, Timeline
from local_lambda.timeline.scale import division, milliseconds, rows
from local_lambda.timeline.structure import structure
from local_lambda.timeline.svg import draw_svg
from local_lambda.timeline.terminal import draw_terminal
from local_lambda.timeline.trace_events import draw_trace_events
from support.recordings import START
from support.tool import Project, run

SVG = "{http://www.w3.org/2000/svg}"


def run_of(
    invocations: int, extensions: int = 0, idle: float = 0.0, number: int = 1, failed: bool = False
) -> Environment:
    """A life: 100 ms of Init, invocations of 2 ms with `idle` milliseconds before each, 10 ms of Shutdown."""
    phases, handlers, logs, parts, frozen = [Phase("Init", 0, 100)], [LaneSpan("start", 0, 99)], [], [], []
    worked: list[LaneSpan] = [LaneSpan("start", 0, 40), LaneSpan("register", 40, 60, "for INVOKE, SHUTDOWN")]
    now = 100.0
    for index in range(1, invocations + 1):
        if idle:
            frozen.append(LaneSpan("frozen", now, now + idle))
        start = now + idle
        now = start + 2
        name = f"Invoke {index}"
        phases.append(Phase(name, start, now, f"request {index}", failed))
        handlers += [LaneSpan("handler", start, start + 1.5, failed=failed), LaneSpan("overhead", start + 1.5, now)]
        logs += [Mark("log", start + 0.5, 'a line with <&"'), Mark("error", now, "ValueError")]
        parts += [Subsegment(name, "outer <&", 0, start, now), Subsegment(name, "inner", 1, start + 0.1, start + 0.2)]
        worked.append(LaneSpan("event", start, now, "INVOKE"))
    phases.append(Phase("Shutdown", now + 1, now + 11, "spindown"))
    end = [LaneSpan("shutdown", now + 1, now + 11)]
    marks = [Mark(kind, now + 5, kind) for kind in ("signal", "kill", "exit", "delivery", "dropped")]
    lanes = [Lane("platform", tuple(frozen), ()), Lane("runtime", (*handlers, *end), (*logs, *marks))]
    for extension in range(extensions):
        name = f"extension:a-rather-long-name-of-an-extension-{extension}"
        lanes.append(Lane(name, (*worked, *end), (Mark("log", 50, "x"), *marks)))
    return Environment(number, 'Hello <&"', tuple(phases), tuple(lanes), tuple(parts))


CASES = {
    "one invocation": Timeline(0, (run_of(1),)),
    "three with an extension": Timeline(0, (run_of(3, 1),)),
    "fifty invocations": Timeline(0, (run_of(50, 2),)),
    "ten extensions": Timeline(0, (run_of(3, 10),)),
    "minutes of idleness": Timeline(0, (run_of(4, 1, idle=185_000),)),
    "failures": Timeline(0, (run_of(3, 1, failed=True),)),
    "several environments": Timeline(0, (run_of(2), run_of(3, 1, number=2))),
    "cut off": Timeline(0, (run_of(2),), complete=False),
    "no phases": Timeline(0, (Environment(1, "", (), (), ()),)),
    "nothing": Timeline(0, ()),
}
each = pytest.mark.parametrize("timeline", CASES.values(), ids=CASES)
Box = tuple[float, float, float, float]


def elements(svg: str) -> ElementTree.Element:
    """The picture, parsed."""
    return ElementTree.fromstring(svg)


def text_boxes(svg: str) -> Iterator[tuple[str, Box]]:
    """Every text and the room it takes: left, top, right, bottom."""
    for text in elements(svg).iter(f"{SVG}text"):
        size = float(text.get("font-size", "11"))
        width, x, y = text_width(text.text or "", size), float(text.get("x", "0")), float(text.get("y", "0"))
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
        yield text.text or "", (left, y - size * 0.75, left + width, y + size * 0.2)


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes overlap by more than half a pixel."""
    return one[0] + 0.5 < other[2] and other[0] + 0.5 < one[2] and one[1] + 0.5 < other[3] and other[1] + 0.5 < one[3]


@each
def test_svg_is_well_formed_and_inside_its_frame(timeline: Timeline) -> None:
    """900 pixels wide; no text, bar or mark sticks out."""
    svg = draw_svg(timeline)
    root = elements(svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    assert (width, root.get("viewBox")) == (900, f"0 0 900 {height:.0f}")
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", "0")), float(rect.get("y", "0"))
        assert x >= 0 and x + float(rect.get("width", "0")) <= width, rect.attrib
        assert y >= 0 and y + float(rect.get("height", "0")) <= height, rect.attrib
    for text, (left, top, right, bottom) in text_boxes(svg):
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, text


def named(name: str) -> Timeline:
    """Two lives in which everything that has a name from outside has this one."""
    phases = Phase("Init", 0, 10), Phase("Invoke 1", 10, 20, name)
    lane = Lane(f"extension:{name}", (LaneSpan("start", 0, 9, name),), (Mark("log", 12, name), Mark("error", 15, name)))
    parts = (Subsegment("Invoke 1", name, 0, 11, 19, name),)
    return Timeline(0, (Environment(1, name, phases, (lane,), parts), Environment(2, name, phases, (lane,), parts)))


HOSTILE_NAMES = "\x1b[2Jstep", "a\0b", "\ud800", "\x9b2J", "a\rb\x0bc", "\uffff", "\u202eb", "a\nplatform | b"


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=list(map(ascii, HOSTILE_NAMES)))
def test_drawing_when_names_have_controls(name: str) -> None:
    """It is well-formed, can be written, and sends nothing to the terminal: they are shown as escape sequences."""
    timeline = named(name)
    seen = ascii(name)[1:-1]
    svg, html, text = draw_svg(timeline), draw_html(timeline), draw_terminal(timeline, 100, color=False)
    titles = [title.text or "" for title in elements(svg).iter(f"{SVG}title")]
    assert any(seen in title.replace("\n", "\\n") for title in titles)
    assert seen in text
    for drawn in (svg, html, text):
        drawn.encode("utf-8")
        assert all(char.isprintable() or char == "\n" for char in drawn)
    assert all(len(line) <= 100 and line.startswith("timeline | ") for line in text.splitlines())


@each
def test_svg_has_no_text_on_top_of_another(timeline: Timeline) -> None:
    """With the room that a text needs estimated generously."""
    boxes = list(text_boxes(draw_svg(timeline)))
    for index, (text, box) in enumerate(boxes):
        for other, its in boxes[index + 1 :]:
            assert not overlap(box, its), f"{text!r} and {other!r}"


@each
def test_svg_is_the_same_for_the_same_run(timeline: Timeline) -> None:
    """Byte for byte; and it asks for nothing from elsewhere."""
    svg = draw_svg(timeline)
    assert svg == draw_svg(timeline)
    assert "<script" not in svg
    assert set(re.findall(r"https?://[^\s\"']+", svg)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(("invocations", "extensions"), [(1, 0), (3, 1), (50, 2), (3, 10)])
def test_structure_is_all_that_happened(invocations: int, extensions: int) -> None:
    """Every phase, every lane that has something in it, every kind of span and mark in it."""
    (found,) = structure(draw_svg(Timeline(0, (run_of(invocations, extensions),))))
    assert found["phases"] == ["Init", *(f"Invoke {index + 1}" for index in range(invocations)), "Shutdown"]
    names = [lane["name"] for lane in found["lanes"]]
    assert names == ["runtime", *(f"extension:a-rather-long-name-of-an-extension-{n}" for n in range(extensions))]
    runtime = found["lanes"][0]
    assert runtime["spans"] == ["handler", "overhead", "shutdown", "start"]
    assert runtime["marks"] == ["delivery", "dropped", "error", "exit", "kill", "log", "signal"]
    assert all(lane["spans"] == ["event", "register", "shutdown", "start"] for lane in found["lanes"][1:])
    assert found["subsegments"] == ["inner", "outer <&"]


def test_structure_knows_no_times() -> None:
    """A slower run of the same thing has the same structure; another thing has not."""
    usual, slow = run_of(3, 1), run_of(3, 1, idle=60_000)
    without_frozen = Environment(1, "", slow.phases, (Lane("platform", (), ()), *slow.lanes[1:]), slow.subsegments)
    pictures = [draw_svg(Timeline(0, (each,))) for each in (usual, without_frozen, run_of(3), run_of(2, 1))]
    first, same, fewer_lanes, fewer_phases = map(structure, pictures)
    assert first == same
    assert first not in (fewer_lanes, fewer_phases)


def test_svg_says_how_long_nothing_happened() -> None:
    """Minutes do not take more room than a word."""
    svg = draw_svg(CASES["minutes of idleness"])
    assert svg.count("3 min 5 s") >= 4
    assert float(elements(svg).get("height", "0")) < 500


def test_svg_says_what_it_leaves_out() -> None:
    """The subsegments of the seventh invocation and later ones, and what was never recorded."""
    assert "The subsegments of 44 more invocations are not drawn." in draw_svg(CASES["fifty invocations"])
    assert "The recording was cut off." in draw_svg(CASES["cut off"])


def test_marks_that_stand_close_together_are_one() -> None:
    """Ten thousand lines do not make ten thousand shapes; the hint has their number."""
    marks = tuple(Mark("log", 100 + index / 10_000, f"line {index}") for index in range(10_000))
    environment = Environment(1, "", (Phase("Invoke 1", 100, 101),), (Lane("runtime", (), marks),), ())
    svg = draw_svg(Timeline(0, (environment,)))
    shapes = re.findall(r'data-mark="log"[^>]*><title>(\d+) × log line', svg)
    assert len(shapes) < 150
    assert sum(map(int, shapes)) == 10_000


@pytest.mark.parametrize("theme", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_text_can_be_read_in_both_themes(theme: palette.Theme) -> None:
    """A contrast of 4.5 at least (WCAG 2, AA), on the background and on everything that text stands on."""
    grounds = [theme.background, theme.band, *(filling for filling, _ in theme.fillings.values())]
    assert all(contrast(theme.text, ground) >= 4.5 for ground in grounds)
    assert all(contrast(theme.quiet, ground) >= 4.5 for ground in grounds[:2])
    assert all(contrast(edge, theme.background) >= 3 for _, edge in theme.fillings.values())


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""

    def luminance(color: str) -> float:
        parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@each
def test_html_is_the_picture_with_hints(timeline: Timeline) -> None:
    """In one file; every bar, mark and subsegment can be reached by keyboard."""
    page = draw_html(timeline)
    assert page.count("data-hint=") == len(re.findall(r"data-(?:span|mark|subsegment)=", draw_svg(timeline)))
    assert 'src="' not in page and 'href="' not in page


@each
def test_html_has_one_stop_of_the_tab_key(timeline: Timeline) -> None:
    """However many elements have a hint; and a group may have elements with the focus, an image may not."""
    page = draw_html(timeline)
    hints = page.count("data-hint=")
    assert page.count('tabindex="0"') == min(hints, 1)
    assert page.count("tabindex=") == hints
    root = re.findall(r"<svg [^>]*>", page)[0]
    assert 'role="group" aria-labelledby="title description"' in root


@each
def test_terminal_is_short_and_no_wider_than_asked(timeline: Timeline) -> None:
    """Whatever was recorded; without colors it has none."""
    lines = draw_terminal(timeline, 100, color=False).splitlines()
    assert all(len(line) <= 100 and line.startswith("timeline | ") for line in lines)
    assert "\x1b" not in "".join(lines)
    processes = sum(len(each.lanes) for each in timeline.environments)
    assert len(lines) <= 3 * (processes + 2) + 3


def test_terminal_says_what_it_leaves_out() -> None:
    """The invocations in the middle, with their times."""
    text = draw_terminal(CASES["fifty invocations"], 100, color=False)
    assert "Invoke 3 to 49 are not shown: 2.00 ms to 2.00 ms, median 2.00 ms" in text


def test_terminal_says_in_the_singular_that_it_leaves_out_one() -> None:
    """With its time alone."""
    life = run_of(4)
    restarted = replace(life, phases=(Phase("Init", 0, 1), *life.phases))
    text = draw_terminal(Timeline(0.0, (restarted,)), 100, color=False)
    assert "Invoke 3 is not shown: 2.00 ms\n" in text


def test_terminal_explains_how_a_streamed_response_is_drawn() -> None:
    """In the legend, only if there is one."""
    phases = (Phase("Init", 0, 10), Phase("Invoke 1", 10, 60))
    lane = Lane("function", (LaneSpan("start", 0, 9), LaneSpan("response", 20, 50)), ())
    drawn = Environment(1, "Hello", phases, (lane,), ())
    assert "▓ sending the response" in draw_terminal(Timeline(0.0, (drawn,)), 100, color=False)
    assert "sending" not in draw_terminal(Timeline(0.0, (run_of(1),)), 100, color=False)


def test_terminal_is_red_where_something_failed() -> None:
    """Only when colors are asked for."""
    assert "\x1b[31m!" in draw_terminal(CASES["failures"], 100, color=True)


@each
def test_trace_events_follow_the_format(timeline: Timeline) -> None:
    """The members that every event has to have, and complete events that are nested or apart in their thread."""
    document = json.loads(draw_trace_events(timeline))
    threads: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for event in document["traceEvents"]:
        assert {"name", "ph", "ts", "pid", "tid"} <= set(event)
        assert event["ph"] in "XiM"
        assert isinstance(event["ts"], int)
        if event["ph"] == "X":
            threads.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "i":
            assert event["s"] == "t"
    for spans in threads.values():
        spans.sort(key=lambda span: (span[0], -span[1]))
        ends: list[int] = []
        for start, end in spans:
            while ends and ends[-1] <= start:
                ends.pop()
            assert not ends or end <= ends[-1], "two events overlap in part"
            ends.append(end)


def test_trace_events_have_names_for_processes_and_threads() -> None:
    """So that a viewer shows lanes and not numbers."""
    events = json.loads(draw_trace_events(CASES["three with an extension"]))["traceEvents"]
    names = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    extension = "extension:a-rather-long-name-of-an-extension-0"
    assert names == ["phases", "platform", "runtime", extension, "X-Ray subsegments"]


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_rows_have_every_phase_once_in_order(count: int) -> None:
    """No wider than asked, without holes, and a moment is where its phase is."""
    environment = run_of(count, idle=5)
    found = rows(environment, 500, lambda phase: 60, lambda pause: 10)
    assert [phase for row in found for _, phase in row.phases()] == list(environment.phases)
    for row in found:
        assert row.segments[0].left == 0
        assert row.segments[-1].right <= 500.001
        for segment, phase in row.phases():
            assert segment.right - segment.left >= 60
            assert segment.left <= row.place((phase.start + phase.end) / 2) <= segment.right


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123, "0.12 ms"),
        (9.999, "10.0 ms"),
        (99.96, "100 ms"),
        (1234.5, "1234 ms"),
        (12_345, "12.3 s"),
        (59_960, "1 min"),
        (125_000, "2 min 5 s"),
        (3_599_900, "1 h"),
        (3_720_000, "1 h 2 min"),
    ],
)
def test_milliseconds_are_written_in_few_figures(value: float, text: str) -> None:
    """With the unit that fits."""
    assert milliseconds(value) == text


def drawn(project: Project, *arguments: str | Path, status: int = 0) -> Any:
    """A run that is drawn."""
    outcome = project.invoke(*arguments)
    assert outcome.status == status, outcome.errors
    return outcome


def test_invoke_draws_what_it_is_asked_for(extend: Any, tmp_path: Path) -> None:
    """The picture, the trace events and the recording of one run; the same picture from the recording."""
    paths = [tmp_path / name for name in ("run.svg", "run.json", "run.jsonl", "again.svg")]
    drawn(extend({"one": None}), "Hello", "--timeline", paths[0], "--trace-events", paths[1], "--record", paths[2])
    assert [lane["name"] for lane in structure(paths[0].read_text())[0]["lanes"]] == ["runtime", "extension:one"]
    assert json.loads(paths[1].read_text())["traceEvents"]
    assert run("timeline", paths[2], "-o", paths[3]).status == 0
    assert paths[3].read_bytes() == paths[0].read_bytes()


def test_invoke_draws_in_the_terminal(extend: Any) -> None:
    """On standard error, behind everything else; the payload stays alone on standard output."""
    outcome = drawn(extend({"one": None}), "Hello", "--timeline", "-")
    assert outcome.errors.splitlines()[-1].startswith("timeline | ░ starting")
    assert b"timeline" not in outcome.output


def test_start_draws_all_environments_when_it_ends(extend: Any, tmp_path: Path) -> None:
    """Each has its own lanes."""
    picture = tmp_path / "run.html"
    with extend().serving("--timeline", picture) as tool:
        tool.invoke("Hello", {})
        assert tool.stop().status == 0
    assert 'data-environment="1"' in picture.read_text()


def test_drawing_replaces_a_file_only_when_there_is_a_new_one(tmp_path: Path) -> None:
    """A recording that cannot be read leaves the picture as it was."""
    picture, recording = tmp_path / "run.svg", tmp_path / "run.jsonl"
    picture.write_text("before")
    recording.write_text(START + "nonsense\n")
    assert run("timeline", recording, "-o", picture).status == 2
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["run.jsonl", "run.svg"]
    assert picture.read_text() == "before"


def test_timeline_without_output_is_text(tmp_path: Path) -> None:
    """On standard output."""
    recording = tmp_path / "run.jsonl"
    recording.write_text(START)
    outcome = run("timeline", recording)
    assert (outcome.status, outcome.output.startswith(b"timeline | ")) == (0, True)
    assert "The recording was cut off." in outcome.output.decode()


@pytest.mark.parametrize(
    ("duration", "width", "expected"),
    [
        (633.0, 300.0, (100.0, "100 ms")),
        (8.0, 120.0, (2.0, "2 ms")),
        (0.42, 90.0, (0.2, "0.2 ms")),
        (2500.0, 120.0, (1000.0, "1 s")),
        (3.0, 10.0, None),
        (0.0, 100.0, None),
    ],
)
def test_division_is_a_round_number_with_room_for_its_label(
    duration: float, width: float, expected: tuple[float, str] | None
) -> None:
    """One, two or five times a power of ten; none where a phase is too narrow for a ruler."""
    found = division(duration, width, lambda label: 6.0 * len(label))
    assert found == (pytest.approx(expected[0]), expected[1]) if expected else found is None


def test_svg_has_a_ruler_for_every_phase_and_a_break_between_two() -> None:
    """So that a bar of 8 ms next to one of 600 ms is not taken for half of it."""
    svg = draw_svg(Timeline(0, (run_of(2),)))
    phases = [segment for row in elements(svg).iter(f"{SVG}g") if row.get("data-phase") for segment in [row]]
    for phase in phases:
        assert [path for path in phase.iter(f"{SVG}path") if path.get("class") == "line"], phase.get("data-phase")
    assert svg.count('class="break"') == 2 * (len(phases) - 1)
