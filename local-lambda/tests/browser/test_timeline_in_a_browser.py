"""The page of a timeline in Chromium: its hints by pointer and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_lambda.timeline.html import draw_html
from local_lambda.timeline.model import Environment, Lane, LaneSpan, Mark, Phase, Timeline

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tox -e ui has it")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

LONG = "a log line that is too long for the frame " * 12
MARKS = tuple(Mark("log", 90 + number / 100, LONG) for number in range(8))
LANE = Lane("function", (LaneSpan("start", 0, 40), LaneSpan("handler", 60, 99)), MARKS)
TIMELINE = Timeline(0, (Environment(1, "Hello", (Phase("Init", 0, 50), Phase("Invoke 1", 50, 100)), (LANE,), ()),))


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page in a frame as low as those of the site."""
    (tmp_path / "timeline.html").write_text(draw_html(TIMELINE), encoding="utf-8")
    page = browser.new_page(viewport={"width": 700, "height": 220})
    page.goto((tmp_path / "timeline.html").as_uri())
    yield page
    page.close()


def test_hint_stays_in_the_frame_and_in_its_place(page: Page) -> None:
    """A long one is at the edge, can be scrolled, and does not move with each event of the pointer."""
    page.locator("[data-mark=log]").hover()
    hint = page.locator("#hint")
    expect(hint).to_be_visible()
    before = hint.bounding_box()
    page.locator("[data-mark=log]").dispatch_event("pointermove", {"clientX": 600, "clientY": 100})
    page.locator("[data-mark=log]").dispatch_event("pointermove", {"clientX": 600, "clientY": 100})
    box = hint.bounding_box()
    assert before is not None
    assert box is not None
    assert (box["width"], box["height"]) == (before["width"], before["height"])
    assert min(box["x"], box["y"]) >= 4
    assert box["x"] + box["width"] <= 700
    assert box["y"] + box["height"] <= 220
    page.mouse.wheel(0, 60)
    page.wait_for_function("document.getElementById('hint').scrollTop > 0")


def test_arrow_keys_lead_from_mark_to_mark(page: Page) -> None:
    """Tab enters the picture once; where it was left, it is entered again."""

    def focused() -> str:
        return str(page.evaluate("document.activeElement.dataset.hint ?? ''")).partition(":")[0]

    hints = [hint.partition(":")[0] for hint in page.evaluate("elements.map((each) => each.dataset.hint)")]
    assert len(set(hints)) == 3
    seen = []
    for key in ["Tab", "ArrowRight", "ArrowRight", "ArrowRight", "Home", "ArrowLeft", "End", "ArrowLeft"]:
        page.keyboard.press(key)
        seen.append(focused())
    assert seen == [hints[number] for number in (0, 1, 2, 2, 0, 0, 2, 1)]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    expect(page.locator("#hint")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#hint")).to_be_hidden()
    page.keyboard.press("Tab")
    assert focused() == ""
    page.keyboard.press("Shift+Tab")
    assert focused() == hints[1]


def test_frame_has_the_background_of_the_page_around_it(page: Page, tmp_path: Path) -> None:
    """And no margin: the picture fills it."""
    around = tmp_path / "around.html"
    around.write_text('<body style="margin: 0"><iframe src="timeline.html" style="width: 600px; border: 0">')
    page.goto(around.as_uri())
    frame = page.frame_locator("iframe")
    box = frame.locator("svg").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"]) == (0, 0, 600)
    color = "getComputedStyle(document.body).backgroundColor"
    assert frame.locator("body").evaluate(color) == "rgba(0, 0, 0, 0)"
    assert page.frames[-1].evaluate("getComputedStyle(document.querySelector('.back')).fill") == "none"
