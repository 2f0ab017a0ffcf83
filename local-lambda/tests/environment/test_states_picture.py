"""`docs/states.svg` shows what the tables say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from local_lambda.environment.states import Table

SCRIPT = Path(__file__).parents[2] / "docs/draw_states.py"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    """The script that draws the picture."""
    found = importlib.util.spec_from_file_location("draw_states", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_picture_of_the_states_is_drawn_from_the_tables(drawing: ModuleType) -> None:
    """After a change of a table: `python docs/draw_states.py`."""
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.draw()


def test_picture_has_every_state_and_every_verb(drawing: ModuleType) -> None:
    """Nothing of a table is left out."""
    texts = [element.text or "" for element in ElementTree.fromstring(drawing.draw()).iter() if element.text]
    shown = {word.strip() for text in texts for word in text.split(",")}
    for chart in drawing.CHARTS:
        for (state, verb), target in chart.table.rows.items():
            assert {state, verb, target} <= shown


def test_picture_with_a_state_that_has_no_place_is_not_drawn(
    drawing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new state is not forgotten."""
    chart = drawing.CHARTS[0]
    table = Table(chart.table.what, {**chart.table.rows, ("Idle", "sleep"): "Asleep"})
    monkeypatch.setattr(drawing, "CHARTS", (chart._replace(table=table),))
    with pytest.raises(KeyError, match="Asleep"):
        drawing.draw()
