"""Gives the packages a new version: in the tool, the pytest plugin and the changelog.

python .ci/release.py 0.2.0 && git commit -am "release: 0.2.0" && git tag v0.2.0
"""

import re
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("local-lambda/src/local_lambda/__init__.py", "pytest-local-lambda/src/pytest_local_lambda/__init__.py")


def main() -> None:
    """Write the version, or say what is wrong and write nothing."""
    if len(sys.argv) != 2 or not re.fullmatch(r"\d+\.\d+\.\d+", sys.argv[1]):
        sys.exit("usage: python .ci/release.py 0.2.0")
    version = sys.argv[1]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    before, heading, news = changelog.partition("## [Unreleased]\n")
    if not heading or f"## [{version}]" in changelog:
        sys.exit(f"CHANGELOG.md: has no Unreleased part, or already has {version}")
    if not news.partition("\n## ")[0].strip():
        sys.exit("CHANGELOG.md: nothing is unreleased; write what is new first")
    written = {}
    for name in VERSIONS:
        text, count = re.subn(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', (ROOT / name).read_text())
        if count != 1:
            sys.exit(f"{name}: has no line with __version__")
        written[name] = text
    written["CHANGELOG.md"] = f"{before}{heading}\n## [{version}] - {date.today().isoformat()}\n{news}"
    for name, text in written.items():
        (ROOT / name).write_text(text, encoding="utf-8")


main()
