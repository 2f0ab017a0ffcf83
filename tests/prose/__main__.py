"""`python -m prose [FILE ...]`: print what does not follow the style, and what to write.

Exit status 1 if there is anything. `--count` prints how many of each there are.
"""

from __future__ import annotations

import sys
from collections import Counter

from prose.style import ALLOWED, CHECKS
from prose.texts import texts


def main(arguments: list[str]) -> int:
    """Check the named files, by default all."""
    count = "--count" in arguments
    names = [argument for argument in arguments if argument != "--count"]
    found: Counter[str] = Counter()
    for text in texts():
        if names and text.file not in names:
            continue
        for check in CHECKS:
            for result in check.check(text.prose):
                if allowed(text.prose, *result.span):
                    continue
                found[check.path] += 1
                if not count:
                    print(f"{text.file}:{text.line}: {result.message}")
    for path in found if count else ():
        print(f"{path}: {found[path]}")
    return 1 if found else 0


def allowed(prose: str, start: int, end: int) -> bool:
    """Whether a match is part of what only looks like a habit."""
    return any(found.start() < end and start < found.end() for found in ALLOWED.finditer(prose))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
