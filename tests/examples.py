"""Which examples there are, in which order, under which short names, and on which Pythons they are tested.

Everything is read from the repository, so that an example is entered in one list only: the learning path of README.md.
Used by `make run`, tox and the tests. Standard library alone: it runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# An item of the learning path, in a table, a list or a heading: the text of its first link is the folder's name.
_ITEM = re.compile(r"^(?:\||\d+\.|[-*]|#+)[^\[\n]*\[([^]/]+)\]\(\1/README\.md\)", re.MULTILINE)
_NAMES_A_PYTHON = re.compile(r"python[\d.]*")


def find_examples(root: Path = ROOT) -> list[str]:
    """The folders with a template.yaml, in the order of the learning path; those not on it come last."""
    found = sorted(path.parent.name for path in root.glob("*/template.yaml"))
    path = read_learning_path(root)
    return sorted(found, key=lambda folder: path.index(folder) if folder in path else len(path))


def read_learning_path(root: Path = ROOT) -> list[str]:
    """The folders that README.md lists, in its order."""
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    return list(dict.fromkeys(_ITEM.findall(text)))


def short_names(folders: list[str]) -> dict[str, str]:
    """A name for each folder: the first of its words that no other folder has, else the whole name.

    `external-extension-layer` is `layer`. tox takes a word such as `python3.8` for the Python to run on, so that is not
    a name.
    """
    words = {folder: [word for word in folder.split("-") if not _NAMES_A_PYTHON.fullmatch(word)] for folder in folders}

    def only_here(word: str) -> bool:
        return sum(word in others for others in words.values()) == 1

    return {folder: next(filter(only_here, words[folder]), "-".join(words[folder])) for folder in folders}


def read_pythons(root: Path = ROOT, folder: str = "") -> list[str]:
    """The versions of the matrix, oldest first: `3.8`, `3.9` and so on, from .python-versions.

    A folder whose libraries need a newer Python has its own .python-versions, with fewer of them.
    """
    versions = (root / ".python-versions").read_text(encoding="utf-8").split()
    only = root / folder / ".python-versions"
    if folder and only.is_file():
        wanted = only.read_text(encoding="utf-8").split()
        versions = [version for version in versions if version in wanted]
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def offer_all_of_pyenv() -> None:
    """Let pyenv's commands `python3.8` and so on start the versions of the matrix, after those it offers already."""
    try:
        listed = subprocess.run(
            ["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True
        ).stdout.split()
        chosen = subprocess.run(["pyenv", "version-name"], capture_output=True, text=True).stdout.strip().split(":")
    except (OSError, subprocess.CalledProcessError):
        return
    wanted = [name for version in read_pythons() for name in listed if name.startswith(version + ".")]
    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys(name for name in [*chosen, *wanted] if name))
