"""The readme of the package. Everything else is in pyproject.toml.

In the repository its links are relative. In the package they lead to the repository, if REPOSITORY_URL says where that
is, as the release workflow does; otherwise links to other files become plain text, so that none leads nowhere.
"""

import os
import re
from pathlib import Path

from setuptools import setup

REPOSITORY = os.environ.get("REPOSITORY_URL", "").rstrip("/")
FOLDER = "local-lambda"
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?://|#)([^()\s]+)\)")


def _outside(link: "re.Match[str]") -> str:
    picture, text, target = link.groups()
    if not REPOSITORY:
        return "" if picture else text
    kind = "raw" if picture else "blob"
    return f"{picture}[{text}]({REPOSITORY}/{kind}/main/{os.path.normpath(os.path.join(FOLDER, target))})"


setup(
    long_description=_LINK.sub(_outside, Path(__file__).with_name("README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    project_urls={
        "Source": REPOSITORY,
        "Issues": f"{REPOSITORY}/issues",
        "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
    }
    if REPOSITORY
    else {},
)
