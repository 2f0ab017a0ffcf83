"""GLOSSARY.md and the walkthroughs, to which "What is this?" links.

In a checkout, the port of the page serves them. A package that knows the address of its repository links to that one.
Without either, the page names the files.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import local_lambda
from local_lambda.ui.explanations import Explanation, explanations

GLOSSARY = "GLOSSARY.md"
_PREFIX = "/read/"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body class="file"><pre>{text}</pre></body>
</html>
"""
_TERM = re.compile(r"\*\*([^*]+)\*\*")


class FurtherReading:
    """The files that the explanations name, in the checkout `folder`, else at `source`, the repository's address."""

    def __init__(self, folder: Path | None, source: str) -> None:
        self._folder = folder
        self._start = _PREFIX if folder else f"{source}/blob/main/" if source else ""
        self._names = {GLOSSARY, *(each.lesson for found in explanations().values() for each in found.values())}

    def explanations(self) -> dict[str, dict[str, dict[str, str]]]:
        """All explanations by kind and name, with the addresses of both files (`glossary`, `walkthrough`) if known."""
        return {
            kind: {name: {**each._asdict(), **self._links(each)} for name, each in found.items()}
            for kind, found in explanations().items()
        }

    def page(self, path: str) -> bytes | None:
        """The page at this path of the port: a file as it is, and a target for each term of the glossary."""
        name = path.removeprefix(_PREFIX)
        if self._folder is None or name == path or name not in self._names:
            return None
        try:
            text = html.escape((self._folder / name).read_text(encoding="utf-8"))
        except OSError:
            return None
        if name == GLOSSARY:
            text = _TERM.sub(lambda term: f'<b id="{_anchor(term[1])}">{term[1]}</b>', text)
        return _PAGE.format(title=html.escape(name), text=text).encode()

    def _links(self, explanation: Explanation) -> dict[str, str]:
        if not self._start:
            return {}
        fragment = f"#{_anchor(explanation.term)}" if self._folder else ""
        return {
            "glossary": f"{self._start}{GLOSSARY}{fragment}",
            "walkthrough": f"{self._start}{explanation.lesson}",
        }


def find_checkout() -> Path | None:
    """The repository that this package is part of, if it has not been installed from somewhere else."""
    package = Path(local_lambda.__file__).parent
    repository = package.parents[2]
    return repository if (repository / GLOSSARY).is_file() and package.parts[-3:-1] == ("local-lambda", "src") else None


def find_source() -> str:
    """The repository's address, as the package's metadata has it, or an empty text."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("local-lambda-env").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    return next((url for label, _, url in (each.partition(", ") for each in urls) if label == "Source"), "")


def _anchor(term: str) -> str:
    return term.replace(" ", "-")
