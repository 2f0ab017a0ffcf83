"""`python -m walkthrough [README ...]`: run READMEs and write what their commands printed."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import pictures
from .copies import Copies, walkthroughs
from .update import update
from .walk import walk


def main(names: list[str]) -> int:
    """Run the named READMEs, by default all, two at a time; return 1 if something other than output is wrong."""
    known = walkthroughs()
    if unknown := [name for name in names if name not in known]:
        print(f"no README with commands: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    status = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        copies = Copies(Path(folder))
        for walked in pool.map(lambda name: walk(name, copies), names or known):
            for new in [*update(walked), *pictures.update(walked)]:
                print(f"written: {new}")
            for problem in walked.problems:
                print(problem, file=sys.stderr)
                status = 1
            for step in walked.steps:
                if "exit status" in step.problem or "too long" in step.problem:
                    print(f"{walked.name}: {step.command.source[0]}\n{step.problem}", file=sys.stderr)
                    status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
