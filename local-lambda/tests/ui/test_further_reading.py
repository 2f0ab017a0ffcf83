"""Where "What is this?" leads: to GLOSSARY.md and to the walkthroughs."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import MakeProject
from local_lambda.ui import further_reading
from local_lambda.ui.further_reading import FurtherReading, find_checkout, find_source
from support.live_page import LivePage

REPOSITORY = Path(__file__).resolve().parents[3]


def links(reading: FurtherReading) -> list[str]:
    """All addresses that the explanations have."""
    found = [each for names in reading.explanations().values() for each in names.values()]
    return [each[kind] for each in found for kind in ("glossary", "walkthrough") if kind in each]


def test_links_when_there_is_a_checkout(make_project: MakeProject) -> None:
    """Each leads to a page of the port that names what it is about, needs no token, and shows the file as it is."""
    project = make_project({"app.py": "handler = print\n"}, Hello={"Handler": "app.handler"})
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        found = [
            each for names in page.request("GET", "/api/about").json["explanations"].values() for each in names.values()
        ]
        assert len(found) >= 20
        for each in found:
            path, _, anchor = each["glossary"].partition("#")
            glossary = page.request("GET", path, token="")
            assert glossary.status == 200
            assert f'<b id="{anchor}">{each["term"]}</b>' in glossary.body.decode()
            lesson = page.request("GET", each["walkthrough"], token="")
            assert (lesson.status, lesson.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            title = (REPOSITORY / each["lesson"]).read_text().splitlines()[0]
            assert title.startswith("# ") and title in lesson.body.decode()


def test_files_that_are_not_named_are_not_served() -> None:
    """Whatever else lies in the checkout."""
    reading = FurtherReading(REPOSITORY, "")
    assert reading.page("/read/GLOSSARY.md") is not None
    for path in ("/read/README.md", "/read/tox.ini", "/read/../GLOSSARY.md", "/read//etc/passwd", "/GLOSSARY.md"):
        assert reading.page(path) is None, path


def test_text_of_a_file_is_no_html(tmp_path: Path) -> None:
    """Markup in it is shown, and a file that is missing is not found."""
    (tmp_path / "GLOSSARY.md").write_text("| **cold start** | `<script>` & more |\n")
    reading = FurtherReading(tmp_path, "")
    page = (reading.page("/read/GLOSSARY.md") or b"").decode()
    assert '| <b id="cold-start">cold start</b> | `&lt;script&gt;` &amp; more |' in page
    assert reading.page("/read/hello-python3.8/README.md") is None


def test_links_when_the_package_is_installed() -> None:
    """They lead to the repository, and the port serves no file of it."""
    reading = FurtherReading(None, "https://example.org/lambda")
    assert set(links(reading)) >= {
        "https://example.org/lambda/blob/main/GLOSSARY.md",
        "https://example.org/lambda/blob/main/internal-extension/README.md",
    }
    assert reading.page("/read/GLOSSARY.md") is None


def test_links_when_nothing_is_known() -> None:
    """There are none; the page has the names as text."""
    assert links(FurtherReading(None, "")) == []


def test_checkout_is_this_one_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package in somebody's environment is none, even if a GLOSSARY.md is above it."""
    assert find_checkout() == REPOSITORY
    package = tmp_path / "lib/site-packages/local_lambda/__init__.py"
    package.parent.mkdir(parents=True)
    (tmp_path / "GLOSSARY.md").touch()
    monkeypatch.setattr(further_reading.local_lambda, "__file__", str(package))
    assert find_checkout() is None


def test_source_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its metadata has it if it was built with REPOSITORY_URL."""
    information = tmp_path / "local_lambda_env-9.dist-info"
    information.mkdir()
    address = "Project-URL: Issues, https://example.org/issues\nProject-URL: Source, https://example.org/source\n"
    (information / "METADATA").write_text(f"Metadata-Version: 2.4\nName: local-lambda-env\nVersion: 9\n{address}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_source() == "https://example.org/source"
    (information / "METADATA").write_text("Metadata-Version: 2.4\nName: local-lambda-env\nVersion: 9\n")
    assert find_source() == ""
