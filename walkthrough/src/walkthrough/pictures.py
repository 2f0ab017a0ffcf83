"""Pictures of READMEs: the README's own commands draw them again in the copy, and their content is compared.

Times differ between runs, so only the structure is compared: lanes, phases, spans and marks, as read by
`local_lambda.timeline`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .copies import ROOT, home
from .parse import parse
from .walk import Walk

STRUCTURE = """
import sys
from local_lambda.timeline.structure import structure
sys.stdout.write(repr(structure(open(sys.argv[1], encoding="utf-8").read())))
"""
TOOL = "local-lambda/.venv/bin/python"
OF_A_MACHINE = re.compile(r'File "(/(?!var/|opt/|usr/)[^/"\s]+)')
"""The first folder of a path in a traceback that a picture quotes, unless Lambda has it too."""


def shown(name: str) -> list[str]:
    """The SVG files next to a README that it shows."""
    prose = "\n".join(parse(ROOT / name).prose)
    found = re.findall(r"[\"(](?:\./)?([\w.-]+\.svg)(?:#[\w-]+)?[\")]", prose)
    return sorted(set(found))


def places(walk: Walk, picture: str) -> tuple[Path, Path]:
    """Where a picture is in the copy, and in the repository. `make timeline` of an example writes my-timeline.svg."""
    beside = Path(walk.name).parent / picture
    fresh = walk.folder / beside.relative_to(home(walk.name))
    own = fresh.with_name(f"my-{picture}")
    return own if own.exists() else fresh, ROOT / beside


def structure(picture: Path, walk: Walk) -> str:
    """The structure of a picture, without its times."""
    python = next(folder / TOOL for folder in [walk.folder, *walk.folder.parents] if (folder / TOOL).exists())
    command = [str(python), "-c", STRUCTURE, str(picture)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def without_machine(picture: str, folders: Iterable[Path]) -> str:
    """Return the picture with paths in tracebacks relative to these folders, the deepest first."""
    for folder in sorted(set(folders), key=lambda folder: len(folder.parts), reverse=True):
        picture = picture.replace(f'File "{folder}/', 'File "')
    return picture


def differences(walk: Walk) -> list[str]:
    """Return the pictures that no command drew, or that differ in structure from the committed ones."""
    found = []
    for picture in shown(walk.name):
        fresh, committed = places(walk, picture)
        if fresh.stat().st_mtime_ns == committed.stat().st_mtime_ns:
            found.append(f"{picture}: no command of the README makes it")
        elif structure(fresh, walk) != structure(committed, walk):
            found.append(f"{picture}: now it shows {structure(fresh, walk)}, not {structure(committed, walk)}")
        elif paths := OF_A_MACHINE.findall(committed.read_text(encoding="utf-8")):
            found.append(f"{picture}: it names folders of the machine that drew it: {', '.join(sorted(set(paths)))}")
    return found


def update(walk: Walk) -> list[str]:
    """Copy the pictures that differ; return their names."""
    changed = []
    for picture in shown(walk.name):
        fresh, committed = places(walk, picture)
        if not committed.exists() or structure(fresh, walk) != structure(committed, walk):
            text = fresh.read_text(encoding="utf-8")
            folders = [walk.folder, *walk.folder.parents[:-1], ROOT]
            committed.write_text(without_machine(text, folders), encoding="utf-8")
            changed.append(f"{walk.name}: {picture}")
    return changed
