"""`local-lambda new`: a small project that runs, with a template, a function, an event, a test and a launch.json."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from local_lambda.errors import UsageError

PROJECT = Path(__file__).parent.parent / "samples" / "project"
RUNTIMES = range(10, 15)
"""The minor versions of Python for which AWS has a runtime that new functions may use."""


def new(folder: Path) -> int:
    """Write the project to `folder`, which must not exist yet or be empty. Returns the exit status."""
    name = folder.name or folder.resolve().name
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]{0,39}", name):
        raise UsageError(f"{name!r} is not a name: begin with a letter, then up to 39 letters, digits and -")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: exists and is not an empty folder; choose another name")
    function = "".join(part[:1].upper() + part[1:] for part in name.split("-")) + "Function"
    for source in sorted(PROJECT.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = folder / source.relative_to(PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8").replace("FUNCTION", function).replace("NAME", name)
            target.write_text(text, encoding="utf-8")
    _use_this_python(folder / "template.yaml")
    print(
        f"{folder} has the function {function}. Next:\n"
        f"  cd {folder}\n"
        "  python3 -m venv .venv && .venv/bin/python -m pip install -r requirements-dev.txt\n"
        "  local-lambda invoke -e events/order.json"
    )
    return 0


def _use_this_python(template: Path) -> None:
    """Let the template name the version of Python that runs this, if there is a runtime for it."""
    minor = sys.version_info[1]
    if minor in RUNTIMES:
        text = template.read_text(encoding="utf-8")
        template.write_text(text.replace("python3.13", f"python3.{minor}"), encoding="utf-8")
