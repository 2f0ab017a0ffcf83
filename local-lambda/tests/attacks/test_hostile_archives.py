"""Code and layers as archives that lie: outside their folder, too large, links, devices. One line, status 2."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from attacks.commands import refused, run
from attacks.conftest import Figure, Rounds
from conftest import MakeProject
from support.tool import Project

CODE = "import os\n\n\ndef handler(event, context):\n    return sorted(os.listdir('.'))\n"


def archive(*members: tuple[str, bytes | str, int], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with a working handler and these members: name, content and mode with its kind."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as target:
        for name, content, mode in (("app.py", CODE, stat.S_IFREG | 0o644), *members):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = compression
            target.writestr(entry, content)
    return data.getvalue()


FILE, LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
GOOD = archive(("data.txt", "x" * 1000, FILE), ("folder/data.txt", "y" * 1000, FILE))


def named(name: bytes) -> bytes:
    """An archive with a member of exactly this name."""
    placeholder = b"@" * len(name)
    return archive((placeholder.decode(), "x", FILE)).replace(placeholder, name)


def with_end(**fields: int) -> bytes:
    """The good archive with other numbers in the record at its end."""
    start = GOOD.rindex(b"PK\5\6")
    names = ("disk", "first", "here", "members", "size", "offset")
    values = dict(zip(names, struct.unpack("<4H2L", GOOD[start + 4 : start + 20]), strict=True)) | fields
    return GOOD[: start + 4] + struct.pack("<4H2L", *values.values()) + GOOD[start + 20 :]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a path above": lambda: archive(("../outside.txt", "x", FILE)),
    "a path above in the middle": lambda: archive(("a/../../outside.txt", "x", FILE)),
    "an absolute path": lambda: archive(("/tmp/outside.txt", "x", FILE)),
    "a link above": lambda: archive(("link", "../..", LINK)),
    "a link to the root": lambda: archive(("link", "/", LINK)),
    "a link to /etc/passwd": lambda: archive(("link", "/etc/passwd", LINK)),
    "a link and a file behind it": lambda: archive(("link", "/tmp", LINK), ("link/outside.txt", "x", FILE)),
    "a loop of links": lambda: archive(("a", "b", LINK), ("b", "a", LINK), ("a/c", "x", FILE)),
    "a link of 10 KB": lambda: archive(("link", "x" * 10_000, LINK)),
    "a link with a zero byte": lambda: archive(("link", "a\0b", LINK)),
    "a device": lambda: archive(("device", b"", stat.S_IFCHR | 0o666)),
    "a FIFO": lambda: archive(("fifo", b"", stat.S_IFIFO | 0o666)),
    "a socket": lambda: archive(("socket", b"", stat.S_IFSOCK | 0o666)),
    "300 MB of zeros": lambda: archive(("zeros", b"\0" * 300_000_000, FILE)),
    "a file and a folder of one name": lambda: archive(("a", "x", FILE), ("a/b", "x", FILE)),
    "a name of 5,000 letters": lambda: archive(("x" * 5_000, "x", FILE)),
    "a name of 200 folders": lambda: archive(("f/" * 30_000 + "x", "x", FILE)),
    "encrypted": lambda: GOOD.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"),
    "another compression": lambda: archive(("a", "x" * 100, FILE), compression=zipfile.ZIP_LZMA),
    "a wrong checksum": lambda: GOOD.replace(GOOD[14:18], b"\0\0\0\0"),
    "cut in the middle": lambda: GOOD[: len(GOOD) // 2],
    "no bytes": lambda: b"",
    "no zip": lambda: b"\x7fELF" + b"\0" * 1000,
    "a tar": lambda: b"app.py".ljust(512, b"\0") * 4,
    "more members than there are": lambda: with_end(here=60_000, members=60_000, size=4_000_000_000),
    "members before the file": lambda: with_end(offset=4_000_000_000),
}
KNOWN: dict[str, str] = {}


def marked(name: str) -> Any:
    """The case, with what is known to go wrong."""
    return pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=KNOWN[name])) if name in KNOWN else name


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function whose code is given with --code."""
    return make_project({"app.py": CODE}, Hello={"Handler": "app.handler"})


@pytest.mark.parametrize("name", map(marked, HOSTILE))
def test_invoke_when_the_archive_is_hostile(project: Project, tmp_path: Path, name: str) -> None:
    """One line, and nothing is written outside."""
    code = tmp_path / "code.zip"
    code.write_bytes(HOSTILE[name]())
    workspace = tmp_path / "tmp"
    workspace.mkdir()
    common = ("invoke", "-t", project.template, "--python", project.python, "--code", code)
    refused(run(*common, variables={"TMPDIR": str(workspace)}))
    assert list(workspace.iterdir()) == []
    assert not os.path.lexists("/tmp/outside.txt")
    assert not [*tmp_path.rglob("outside.txt")]


def test_invoke_when_the_archive_has_many_members(project: Project, tmp_path: Path) -> None:
    """It is unpacked in a time that follows their number, or refused in one line."""
    code, data = tmp_path / "code.zip", io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as target:
        target.writestr("app.py", CODE)
        for number in range(5_000):
            target.writestr(f"d{number % 100}/{number}", b"")
    code.write_bytes(data.getvalue())
    outcome = run("invoke", "-t", project.template, "--python", project.python, "--code", code, work=20)
    assert outcome.status == 0, outcome.errors[-1000:]


def test_function_when_the_archive_gives_modes(project: Project, tmp_path: Path) -> None:
    """They are the zip's, and the owner has what others have: what Lambda's user may not read is not readable here."""
    stating = """
import os, stat

def handler(event, context):
    return {name: stat.S_IMODE(os.stat(name).st_mode) for name in event}
"""
    modes = {"private": 0o600, "program": 0o755, "nothing": 0o000, "folder": 0o750, "open": 0o775}
    seen = {"private": 0o000, "program": 0o755, "nothing": 0o000, "folder": 0o050, "open": 0o775}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as target:
        for name, mode in {"app.py": 0o644, **modes}.items():
            entry = zipfile.ZipInfo(f"{name}/" if name in ("folder", "open") else name)
            entry.external_attr = ((stat.S_IFDIR if name in ("folder", "open") else stat.S_IFREG) | mode) << 16
            target.writestr(entry, stating if name == "app.py" else "")
    code, event = tmp_path / "code.zip", tmp_path / "event.json"
    code.write_bytes(data.getvalue())
    event.write_text(json.dumps(list(modes)))
    outcome = run("invoke", "-t", project.template, "--python", project.python, "--code", code, "-e", event)
    assert outcome.report == seen


def test_invoke_when_the_archive_is_mutated(
    project: Project, tmp_path: Path, rounds: Rounds, chance: Random, figure: Figure
) -> None:
    """It runs, or one line says what is wrong."""
    code, refusals, count = tmp_path / "code.zip", 0, rounds(12)
    for _ in range(count):
        data = bytearray(GOOD)
        for _ in range(chance.choice((1, 2, 8))):
            place = chance.randrange(len(data))
            data[place : place + chance.choice((1, 1, 0, 4))] = chance.randbytes(chance.choice((1, 1, 1, 4)))
        code.write_bytes(data)
        outcome = run("invoke", "-t", project.template, "--python", project.python, "--code", code)
        assert "Traceback (most" not in "\n".join(line for line in outcome.errors.splitlines() if " | " not in line)
        assert outcome.status in (0, 1, 2), outcome.errors
        if outcome.status == 2:
            refusals += 1
            refused(outcome)
    figure(f"of {count} mutated archives that were refused", refusals)


@pytest.mark.parametrize("name", ["a link to /etc/passwd", "a path above", "300 MB of zeros", "cut in the middle"])
def test_invoke_when_a_layer_is_hostile(project: Project, tmp_path: Path, make_project: MakeProject, name: str) -> None:
    """The same for layers."""
    layer = tmp_path / "layer.zip"
    layer.write_bytes(HOSTILE[name]())
    layered = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", "Layers": [layer]})
    refused(run("invoke", "-t", layered.template, "--python", layered.python))
