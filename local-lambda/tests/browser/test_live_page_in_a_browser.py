"""The live page in Chromium, as a person uses it. The screenshots of the docs are made here, if SCREENSHOTS is set."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import MakeProject
from support.live_page import LivePage
from support.tool import DEADLINE_SECONDS, Gate, Tool

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tox -e ui has it")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

DOCS = Path(__file__).parents[2] / "docs"
MAX_PICTURE_BYTES = 200_000
LOAD = 500
"""Invocations of one caller."""
LINES = 5_000
"""What an invocation from the page writes: more than the page gets in that time."""
COUNTED = """wanted => {
  const texts = [...document.querySelectorAll("#functions li p")].map((each) => each.textContent);
  return texts.reduce((sum, text) => sum + parseInt(text), 0) === wanted;
}"""
"""Whether the environments on the page have so many invocations together."""
CODE = """
import time
from aws_xray_sdk.core import xray_recorder

def handler(event, context):
    print("got", event)
    with xray_recorder.in_subsegment("look up the price"):
        time.sleep(0.02)
    if event.get("gate"):
        print("waiting at", event["gate"])
        open(event["gate"]).readline()
    if event.get("fail"):
        raise ValueError("as the event wants")
    return {"price": 27}
"""
EXTENSION_FREE = {"Handler": "app.handler", "Tracing": "Active"}


@pytest.fixture
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A tool with a page, a traced function and two events."""
    project = make_project({"app.py": CODE}, Price=EXTENSION_FREE)
    events = project.folder / "events"
    events.mkdir()
    (events / "price.json").write_text('{\n  "item": "tea"\n}\n')
    (events / "fail.json").write_text('{"fail": true}')
    with project.serving("--ui") as tool:
        yield tool


class Watched:
    """A page, with what it requested and what it complained about."""

    def __init__(self, browser: Browser, dark: bool = False) -> None:
        self.context = browser.new_context(
            viewport={"width": 900, "height": 1000}, color_scheme="dark" if dark else "light"
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("console", lambda message: self._complain(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, page: LivePage) -> Page:
        """Open the printed link and wait until the page follows the run."""
        self.page.goto(page.link)
        expect(self.page.locator("#connection")).to_have_text("live")
        return self.page


@pytest.fixture
def watched(browser: Browser, tool: Tool) -> Iterator[Watched]:
    """A page that requests nothing from elsewhere and complains about nothing."""
    watched = Watched(browser)
    yield watched
    watched.context.close()
    port = LivePage(tool).port
    assert watched.hosts == {f"127.0.0.1:{port}"}
    assert watched.complaints == []


def states(page: Page, *wanted: str) -> None:
    """Wait until the environments have these states, the newest first."""
    expect(page.locator("#functions .state")).to_have_text(list(wanted))


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=name, exact=True).click()


def invoke_often(tool: Tool) -> Counter[int]:
    """Invoke as fast as one caller can; how often each status came."""
    connection = HTTPConnection(tool.host, tool.port, timeout=DEADLINE_SECONDS)
    statuses: Counter[int] = Counter()
    for _ in range(LOAD):
        connection.request("POST", "/2015-03-31/functions/Busy/invocations", b"{}")
        with connection.getresponse() as response:
            response.read()
        statuses[response.status] += 1
    connection.close()
    return statuses


def test_link_leads_to_answers_states_and_pictures(watched: Watched, tool: Tool) -> None:
    """From the printed link to the response, and what each part of the page shows of it."""
    page = watched.open(LivePage(tool))
    expect(page).to_have_url(re.compile(r"^http://127\.0\.0\.1:\d+/$"))  # the token is not in the address any longer
    expect(page.locator("#event")).to_have_value('{\n  "item": "tea"\n}\n')
    press(page, "Invoke")
    states(page, "idle")
    answer = page.locator("#answer-list li").first
    expect(answer).to_contain_text("200 Price")
    expect(answer.locator("pre")).to_have_text('{\n  "price": 27\n}')
    expect(page.locator("#lines")).to_contain_text("got {'item': 'tea'}")
    expect(page.locator("#trace-list")).to_contain_text("look up the price")
    expect(page.locator("#picture [data-phase='Invoke 1']")).to_have_count(1)
    expect(page.locator("[data-action='invoke'] + code")).to_have_text("curl --data-binary @events/price.json $URL")

    page.locator("#picture [data-span='handler']").hover()
    expect(page.locator("#details")).to_contain_text("runtime: the runtime, from an event until its response")
    expect(page.locator("#details")).to_contain_text("What is this? all explanations")
    page.get_by_role("button", name="idle: what is this?").click()
    expect(page.get_by_role("dialog")).to_contain_text("The environment is warm")
    press(page, "Close")
    page.locator("#phase").select_option("Init")
    expect(page.locator("#picture [data-phase='Invoke 1']")).to_have_count(0)
    page.locator("#phase").select_option("")
    press(page, "Zoom in")
    expect(page.locator("#width")).to_have_text("150 %")

    page.reload()  # the tab keeps the token
    expect(page.locator("#connection")).to_have_text("live")
    states(page, "idle")


def test_what_is_this_leads_to_glossary_and_walkthrough(watched: Watched, tool: Tool) -> None:
    """A state and a span; both files open in a new tab, the glossary at the term."""
    page = watched.open(LivePage(tool))
    press(page, "Invoke")
    states(page, "idle")
    page.get_by_role("button", name="idle: what is this?").click()
    with page.expect_popup() as opened:
        page.get_by_role("dialog").get_by_role("link", name="idle", exact=True).click()
    expect(opened.value.locator("b:target")).to_have_text("idle")
    expect(opened.value.locator("b:target")).to_be_in_viewport()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("#picture [data-span='handler']").hover()
    with page.expect_popup() as opened:
        page.locator("#details").get_by_role("link", name="hello-python3.8/README.md").click()
    expect(opened.value.locator("pre")).to_contain_text("# ")
    expect(opened.value).to_have_url(re.compile(r"/read/hello-python3\.8/README\.md$"))


def test_buttons_do_what_they_say(watched: Watched, tool: Tool, make_gate: Callable[[], Gate]) -> None:
    """Two at once, failures, freezing, killing, a cold start, an asynchronous event, the end of an environment."""
    page, gate = watched.open(LivePage(tool)), make_gate()
    page.locator("#event").fill(json.dumps(gate.event))
    press(page, "Invoke twice at once")
    states(page, "busy", "busy")
    gate.open()
    expect(page.locator("#functions .state.busy")).to_have_count(1)
    gate.open()
    states(page, "idle", "idle")
    expect(page.locator("#answer-list li")).to_have_count(2)

    page.get_by_role("radio", name="Environment 1").check()
    press(page, "Freeze")
    states(page, "idle", "frozen")
    press(page, "Thaw")
    states(page, "idle", "idle")
    press(page, "Kill the runtime")
    states(page, "idle", "cold")
    expect(page.locator("#lines")).to_contain_text("runtime: SIGKILL")
    press(page, "Shut down")
    states(page, "idle", "ended")

    page.locator("#sample").select_option("event:fail.json")
    expect(page.locator("#event")).to_have_value('{"fail": true}')
    press(page, "Invoke")
    expect(page.locator("#answer-list li").first).to_contain_text("as the event wants")
    page.locator("#sample").select_option("kind:sqs")
    expect(page.locator("#event")).to_have_value(re.compile("aws:sqs"))
    press(page, "Event")
    expect(page.locator("#answer-list li").first).to_contain_text("202 Price")
    press(page, "Cold start")
    states(page, "idle", "ended", "ended")
    page.locator("#event").fill("{not JSON")
    expect(page.locator("#event-problem")).to_contain_text("This is not JSON")


def test_invocations_that_hang_leave_the_buttons_working(
    watched: Watched, tool: Tool, make_gate: Callable[[], Gate]
) -> None:
    """A browser opens few connections. The page says so before none is left, and a hanging function can be killed."""
    page, gate = watched.open(LivePage(tool)), make_gate()
    page.locator("#event").fill(json.dumps(gate.event))
    press(page, "Invoke twice at once")
    press(page, "Invoke twice at once")
    states(page, *["busy"] * 4)
    expect(page.locator("#waiting")).to_have_text("4 in progress")
    press(page, "Invoke")
    expect(page.get_by_role("alert")).to_contain_text("4 invocations from this page are not over yet")
    for number in (4, 3, 2, 1):
        page.get_by_role("radio", name=f"Environment {number}").check()
        press(page, "Kill the runtime")
        expect(page.locator("#waiting")).to_have_text(f"{number - 1} in progress" if number > 1 else "")
    states(page, *["cold"] * 4)


def test_event_that_was_edited_stays_and_is_in_the_commands(watched: Watched, tool: Tool) -> None:
    """What the reader has written is not lost, and a command below a button sends it, too."""
    page = watched.open(LivePage(tool))
    page.locator("#event").fill('{"item": "don\'t"}')
    page.locator("#function").dispatch_event("change")
    expect(page.locator("#event")).to_have_value('{"item": "don\'t"}')
    command = page.locator("[data-action='invoke'] + code")
    expect(command).to_have_text("curl --data-binary @<(echo '{\"item\": \"don'\\''t\"}') $URL")
    page.locator("#event").fill("{bad")
    expect(page.locator("#event")).to_have_attribute("aria-invalid", "true")
    press(page, "Event")
    answer = page.locator("#answer-list li").first
    expect(answer).to_contain_text("400")
    expect(answer).not_to_contain_text("accepted")
    watched.complaints = [each for each in watched.complaints if "400 (Bad Request)" not in each]


def test_page_keeps_what_it_has_when_the_tool_is_killed(browser: Browser, make_project: MakeProject) -> None:
    """The lines stay, and the buttons cannot be pressed; the link of the next run works in the same tab."""
    project = make_project({"app.py": CODE}, Price=EXTENSION_FREE)
    watched = Watched(browser)
    with project.serving("--ui") as tool:
        first = LivePage(tool)
        page = watched.open(first)
        press(page, "Invoke")
        states(page, "idle")
        expect(page.locator("#lines")).to_contain_text("got {}")
        tool.process.kill()
        expect(page.locator("#connection")).to_have_text("not connected, trying again")
        expect(page.locator("#lines")).to_contain_text("got {}")
        expect(page.get_by_role("button", name="Invoke", exact=True)).to_be_disabled()
    with project.serving("--ui", str(first.port)) as tool:
        expect(page.get_by_role("alert")).to_contain_text("The token is not that of this run")
        watched.open(LivePage(tool))
        expect(page.locator("#functions .state")).to_have_count(0)
        press(page, "Invoke")
        states(page, "idle")
    watched.context.close()


def test_link_may_be_on_a_page_of_another_site(watched: Watched, tool: Tool) -> None:
    """Such as a terminal in the browser. The page itself loads nothing from there."""
    link = LivePage(tool).link
    watched.page.route(
        "http://terminal.example/",
        lambda route: route.fulfill(body=f"<a href='{link}'>live</a>", content_type="text/html"),
    )
    watched.page.goto("http://terminal.example/")
    watched.page.get_by_role("link").click()
    expect(watched.page.locator("#connection")).to_have_text("live")
    watched.hosts.remove("terminal.example")


def test_filter_shows_only_matching_lines(watched: Watched, tool: Tool) -> None:
    """By text, by lane, and failures only."""
    page = watched.open(LivePage(tool))
    page.locator("#event").fill('{"fail": true}')
    press(page, "Invoke")
    lines = page.locator("#lines li")
    expect(page.locator("#lines")).to_contain_text("REPORT")
    page.get_by_label("Filter").fill("GOT {'fail'")
    expect(lines).to_have_count(1)
    page.get_by_label("Filter").fill("")
    page.locator("#lane").select_option("platform")
    expect(page.locator("#lines")).not_to_contain_text("got")
    page.locator("#lane").select_option("")
    page.get_by_label("Failures only").check()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("[ERROR] ValueError: as the event wants")


def test_recording_is_loaded_and_replayed(
    watched: Watched, tool: Tool, make_project: MakeProject, tmp_path: Path
) -> None:
    """The page shows the recording as it was at a time, and goes back to the live run."""
    record = tmp_path / "run.jsonl"
    project = make_project({"app.py": CODE}, Other=EXTENSION_FREE)
    assert project.invoke("Other", "--record", record, "--count", "2", events=[{"item": "milk"}]).status == 0
    page = watched.open(LivePage(tool))
    page.get_by_label("Load a recording").set_input_files(record)
    states(page, "ended")
    expect(page.locator("#replay-name")).to_have_text("Replay of run.jsonl")
    expect(page.locator("#lines")).to_contain_text("got {'item': 'milk'}")
    expect(page.locator("#picture [data-phase='Shutdown']")).to_have_count(1)
    expect(page.get_by_role("button", name="Invoke", exact=True)).to_be_disabled()
    page.locator("#until").fill("1")
    expect(page.locator("#lines")).not_to_contain_text("got")
    states(page, "initializing")
    page.locator("#speed").select_option("10")
    press(page, "Play")
    states(page, "ended")
    press(page, "Back to live")
    expect(page.locator("#functions .state")).to_have_count(0)
    press(page, "Invoke")
    states(page, "idle")
    page.get_by_label("Load a recording").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no recording\n"}
    )
    expect(page.get_by_role("alert")).to_contain_text("notes.txt: line 1 is not an event of a recording")
    watched.complaints = [each for each in watched.complaints if "400 (Bad Request)" not in each]


def test_page_samples_under_load_and_the_recording_is_complete(
    browser: Browser, make_project: MakeProject, tmp_path: Path, callers: ThreadPoolExecutor
) -> None:
    """While callers invoke as fast as they can, buttons work; what the page leaves out, the recording has."""
    record = tmp_path / "run.jsonl"
    code = "def handler(event, context):\n    for _ in range(event.get('lines', 1)):\n        print('got', event)\n"
    project = make_project({"app.py": code}, Busy={"Handler": "app.handler"})
    (project.folder / "events").mkdir()
    (project.folder / "events/press.json").write_text(json.dumps({"lines": LINES}))
    with project.serving("--ui", "--record", record) as tool:
        watched = Watched(browser)
        page = watched.open(LivePage(tool))
        calls = [callers.submit(invoke_often, tool) for _ in range(4)]
        press(page, "Invoke")
        expect(page.locator("#answer-list li").first).to_contain_text("200 Busy")
        expect(page.locator("#log-count")).to_contain_text("left out")
        assert [call.result() for call in calls] == [{200: LOAD}] * 4
        page.wait_for_function(COUNTED, arg=4 * LOAD + 1)
        watched.context.close()
        assert watched.complaints == []
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert sum(event["type"] == "platform.report" for event in events) == 4 * LOAD + 1
    assert sum(event["type"] == "function" for event in events) == 4 * LOAD + LINES


def test_markup_is_shown_as_text(watched: Watched, tool: Tool, make_project: MakeProject, tmp_path: Path) -> None:
    """Log lines, responses, and all that a recording names are texts, never elements."""
    record, markup = tmp_path / "run.jsonl", "<img src=/x onerror=alert(1)>"
    project = make_project({"app.py": CODE}, Other=EXTENSION_FREE)
    assert project.invoke("Other", "--record", record, events=[{"item": markup}]).status == 0
    text = record.read_text()
    assert '"Other"' in text
    record.write_text(text.replace('"Other"', json.dumps(markup)).replace("look up the price", markup))
    page = watched.open(LivePage(tool))
    page.locator("#event").fill(json.dumps({"item": markup}))
    press(page, "Invoke")
    expect(page.locator("#lines")).to_contain_text(markup)
    assert page.locator("img").count() == 0
    page.get_by_label("Load a recording").set_input_files(record)
    expect(page.locator("#functions")).to_contain_text(markup)
    expect(page.locator("#picture")).to_contain_text(markup[:10])
    expect(page.locator("#trace-list")).to_contain_text(markup)
    assert page.locator("img").count() == 0
    press(page, "Back to live")
    expect(page.locator("#functions")).not_to_contain_text(markup)


def test_keyboard_alone_is_enough(watched: Watched, tool: Tool) -> None:
    """Every control is reached with the Tab key and says what it is; arrows walk through the picture."""
    page = watched.open(LivePage(tool))

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    tab_to("[data-action='invoke']")
    page.keyboard.press("Enter")
    states(page, "idle")
    expect(page.locator("#picture [data-span='handler']")).to_have_count(1)
    tab_to("#picture")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#details strong")).to_have_text("runtime: ")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, summary")]
          .filter(each => !(each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim()))
          .map(each => each.outerHTML)"""
    )
    assert unnamed == []
    assert page.get_by_role("alert").count() == 0  # hidden while there is no problem


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast_and_fits_at_900_pixels(
    browser: Browser, tool: Tool, make_gate: Callable[[], Gate], dark: bool
) -> None:
    """4.5 at least, in both themes, and nothing to scroll sideways. The pictures of the docs are made of this."""
    watched = Watched(browser, dark)
    page = watched.open(LivePage(tool))
    press(page, "Invoke")
    states(page, "idle")
    press(page, "Freeze")
    states(page, "frozen")
    gate, event = make_gate(), page.locator("#event").input_value()
    page.locator("#event").fill(json.dumps(gate.event))
    press(page, "Invoke twice at once")
    states(page, "busy", "busy")
    gate.open()
    expect(page.locator("#functions .state.busy")).to_have_count(1)
    gate.open()
    states(page, "idle", "idle")
    expect(page.locator("#answer-list li")).to_have_count(3)
    page.locator("#event").fill(event)
    press(page, "Freeze")
    states(page, "idle", "frozen")
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    assert page.evaluate(CONTRAST) == []
    expect(page.locator("#picture [data-span='frozen']").first).to_be_visible()
    if os.environ.get("SCREENSHOTS"):
        page.mouse.move(0, 0)
        path = DOCS / f"live-page-{'dark' if dark else 'light'}.png"
        bottom = page.locator("#timeline").bounding_box()
        assert bottom is not None
        page.screenshot(
            path=path, full_page=True, clip={"x": 0, "y": 0, "width": 900, "height": bottom["y"] + bottom["height"] + 8}
        )
        assert path.stat().st_size < MAX_PICTURE_BYTES
    watched.context.close()
    assert watched.complaints == []


CONTRAST = """() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const back = element => {
    for (; element; element = element.parentElement) {
      const color = numbers(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(back(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5)
      poor.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  return poor;
}"""
"""Texts whose contrast is too low."""
