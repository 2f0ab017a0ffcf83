"""Folders that functions leave behind are removed, whatever was made of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_lambda.processes.programs import removal
from local_lambda.processes.programs.removal import remove_tree

DEPTH = 3_000


def nest(folder: Path, depth: int) -> None:
    """Make so many folders, each in the one before, with a file in each."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("folder", dir_fd=descriptor)
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
        inner = os.open("folder", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def test_remove_tree_of_nested_folders(tmp_path: Path) -> None:
    """3,000 of them: no path is long enough to name the last one."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    nest(folder, DEPTH)
    remove_tree(str(folder))
    assert list(tmp_path.iterdir()) == []


def test_remove_tree_leaves_what_links_lead_to(tmp_path: Path) -> None:
    """A link to a folder is removed as a link, and its target keeps its mode."""
    (tmp_path / "kept").mkdir(mode=0o755)
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "tmp" / "a").mkdir(parents=True)
    for link in (tmp_path / "tmp" / "link", tmp_path / "tmp" / "a" / "link"):
        link.symlink_to(tmp_path / "kept")
    remove_tree(str(tmp_path / "tmp"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o755


def test_remove_tree_of_folders_that_may_not_be_changed(tmp_path: Path) -> None:
    """Their owner gives the right back to itself; as root there is no such obstacle."""
    folder = tmp_path / "tmp"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "file").touch()
    for path in (folder / "a" / "b" / "c", folder / "a" / "b", folder / "a", folder):
        path.chmod(0)
    command = [sys.executable, "-IS", "-c", f"{Path(removal.__file__).read_text()}\nremove_tree({str(folder)!r})"]
    if os.getuid() == 0:
        pytest.skip("root may change every folder")
    assert subprocess.run(command, check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_remove_tree_of_nothing(tmp_path: Path) -> None:
    """A folder that is not there is no error."""
    remove_tree(str(tmp_path / "none"))
