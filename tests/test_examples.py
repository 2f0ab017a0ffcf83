"""Which examples and Pythons there are: read from the repository by everything that needs to know."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from examples import ROOT, find_examples, offer_all_of_pyenv, read_pythons, short_names

TEXTS = ["README.md", "CONTRIBUTING.md", "Makefile"]


@pytest.fixture
def toxfile(monkeypatch: pytest.MonkeyPatch) -> object:
    """The plugin that tox loads."""
    monkeypatch.syspath_prepend(ROOT)
    return pytest.importorskip("toxfile", exc_type=ImportError)


@pytest.mark.parametrize(
    "path",
    [
        "| [b](b/README.md) | what it teaches |\n| [a](a/README.md) | more |\n",
        "| | folder |\n|---|---|\n| 1 | [b](b/README.md) |\n| 2 | [a](a/README.md) |\n",
        "### 1. [b](b/README.md)\n\nAfter it, [a](a/README.md).\n\n### 2. [a](a/README.md)\n",
        "1. **[b](b/README.md)**: ten minutes\n2. [a](a/README.md): five, after [b](b/README.md)\n",
        "Begin with [a](a/README.md#start).\n\n* [b](b/README.md)\n* [a](a/README.md)\n",
    ],
)
def test_order_when_the_readme_has_a_learning_path(tmp_path: Path, path: str) -> None:
    """Tables and lists are a path; a folder that is not on it comes last."""
    (tmp_path / "README.md").write_text(path)
    for folder in ("0-new", "a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "template.yaml").touch()
    (tmp_path / "no-example").mkdir()
    assert find_examples(tmp_path) == ["b", "a", "0-new"]


def test_short_names_when_folders_share_words() -> None:
    """The first word that no other folder has, and never a word that tox takes for a Python."""
    folders = ["hello-python3.8", "external-layer", "external-image", "internal-image", "layer-image"]
    assert short_names(folders) == {
        "hello-python3.8": "hello",
        "external-layer": "external-layer",
        "external-image": "external-image",
        "internal-image": "internal",
        "layer-image": "layer-image",
    }


def test_environments_are_every_folder_on_every_python(toxfile: object) -> None:
    """A folder without an environment would never be tested."""
    pythons = ["py" + version.replace(".", "") for version in read_pythons()]
    assert pythons[0] == "py38"
    examples = {
        f"{name}-py{version.replace('.', '')}": folder
        for folder, name in short_names(find_examples()).items()
        for version in read_pythons(folder=folder)
    }
    tool = {f"tool-{python}": "local-lambda" for python in pythons if python not in ("py38", "py39", "py310")}
    plugin = {f"plugin-{python}": "pytest-local-lambda" for python in pythons}
    learn = {f"learn-{python}": "exercises" for python in ("py38", "py313")}
    assert toxfile.environments() == {**tool, **plugin, **learn, **examples}  # type: ignore[attr-defined]
    for name, folder in {**tool, **plugin, **examples}.items():
        settings = toxfile.settings(name, folder)  # type: ignore[attr-defined]
        assert settings["change_dir"] == ROOT / folder
        assert f"-r {ROOT / folder}/requirements-test.txt" in settings["deps"].lines()


def test_pythons_when_a_folder_has_its_own_file(tmp_path: Path) -> None:
    """Of the folder's versions those of the matrix count; a folder without the file is tested on all."""
    (tmp_path / "durable").mkdir()
    (tmp_path / ".python-versions").write_text("3.13\n3.8\n3.11\n")
    (tmp_path / "durable/.python-versions").write_text("3.11\n3.13\n3.15\n")
    assert read_pythons(tmp_path, "durable") == ["3.11", "3.13"]
    assert read_pythons(tmp_path, "other") == ["3.8", "3.11", "3.13"]


def test_pyenv_offers_the_matrix_when_it_has_activated_one_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyenv has chosen stays first, so python3 is the same; Pythons outside the matrix are not added."""
    pyenv = tmp_path / "pyenv"
    pyenv.write_text(
        '#!/bin/sh\ncase "$1" in versions) echo 2.7.18 3.8.18 3.11.7 3.1.4;; *) echo 3.11.7:system;; esac\n'
    )
    pyenv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_VERSION", "")
    offer_all_of_pyenv()
    assert os.environ["PYENV_VERSION"] == "3.11.7:system:3.8.18"


def test_pyenv_is_left_alone_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most machines do not have it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYENV_VERSION", raising=False)
    offer_all_of_pyenv()
    assert "PYENV_VERSION" not in os.environ


@pytest.mark.parametrize("name", TEXTS)
def test_text_names_the_pythons_of_the_matrix(name: str) -> None:
    """`3.8 to 3.14` is read from .python-versions by tox, and written down in texts."""
    pythons = read_pythons()
    ranges = re.findall(r"\b(3\.\d+) to (3\.\d+)\b", (ROOT / name).read_text(encoding="utf-8"))
    assert ranges != []
    assert [found for found in ranges if found not in ((pythons[0], pythons[-1]), ("3.11", pythons[-1]))] == []
