"""Pictures of READMEs: made anew in the copy by the README's own commands, compared by what they show.

Times differ from run to run, so what is compared is the structure: lanes, phases, spans and marks, as told by
`local_lambda.timeline`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
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


def shown(name: str) -> list[str]:
    """The SVG files that lie beside a README and are shown in it."""
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
    """What a picture shows, without its times."""
    python = next(folder / TOOL for folder in [walk.folder, *walk.folder.parents] if (folder / TOOL).exists())
    command = [str(python), "-c", STRUCTURE, str(picture)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def differences(walk: Walk) -> list[str]:
    """Return the pictures that no command made, or that show something else than the committed ones."""
    found = []
    for picture in shown(walk.name):
        fresh, committed = places(walk, picture)
        if fresh.stat().st_mtime_ns == committed.stat().st_mtime_ns:
            found.append(f"{picture}: no command of the README makes it")
        elif structure(fresh, walk) != structure(committed, walk):
            found.append(f"{picture}: now it shows {structure(fresh, walk)}, not {structure(committed, walk)}")
    return found


def update(walk: Walk) -> list[str]:
    """Copy the pictures that show something else; returns their names."""
    changed = []
    for picture in shown(walk.name):
        fresh, committed = places(walk, picture)
        if not committed.exists() or structure(fresh, walk) != structure(committed, walk):
            shutil.copy(fresh, committed)
            changed.append(f"{walk.name}: {picture}")
    return changed
