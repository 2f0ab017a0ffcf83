"""`python -m prose [PATH ...]`: print what does not follow the style, and what to write.

A PATH is a file or the beginning of its name. `--all` includes the docstrings and comments of every Python file.
`--count` prints how many findings each check has. Exit status 1 if there is any.
"""

from __future__ import annotations

import sys
from collections import Counter

from prose.style import ALLOWED, CHECKS
from prose.texts import texts


def main(arguments: list[str]) -> int:
    """Check the named files, by default all."""
    count = "--count" in arguments
    names = tuple(argument for argument in arguments if not argument.startswith("--"))
    found: Counter[str] = Counter()
    for text in texts(every_note="--all" in arguments):
        if names and not text.file.startswith(names):
            continue
        prose = text.prose.replace("\n", " ")
        for check in CHECKS:
            for result in check.check(prose):
                if allowed(prose, *result.span):
                    continue
                found[check.path] += 1
                if not count:
                    line = text.line + text.prose.count("\n", 0, result.span[0])
                    print(f"{text.file}:{line}: {result.message}")
    for path in found if count else ():
        print(f"{path}: {found[path]}")
    return 1 if found else 0


def allowed(prose: str, start: int, end: int) -> bool:
    """Whether a match is part of what only looks like a habit."""
    return any(found.start() < end and start < found.end() for found in ALLOWED.finditer(prose))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
