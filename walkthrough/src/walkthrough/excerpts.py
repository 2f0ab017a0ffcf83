"""Compare excerpts of code in a README with the files of its folder: verbatim runs of lines."""

from __future__ import annotations

from pathlib import Path

from .copies import ROOT, home, tracked_files
from .parse import Block, Document

LANGUAGES = ("python", "yaml", "toml", "dockerfile", "sh", "make", "makefile", "bash")


def sources(readme: str) -> list[str]:
    """The text files an excerpt may come from: those below the README's folder, except the README."""
    folder = home(readme)
    found = []
    for name in tracked_files():
        if Path(name).is_relative_to(folder) and not name.endswith(".md"):
            found.append("\n" + (ROOT / name).read_text(encoding="utf-8", errors="replace"))
    return found


def unknown_excerpts(document: Document) -> list[Block]:
    """Return the excerpts that are not in any file verbatim."""
    readme = str(document.path.relative_to(ROOT))
    blocks = [block for block in document.blocks if block.language in LANGUAGES and not block.reason]
    texts = sources(readme) if blocks else []
    return [block for block in blocks if not any("\n" + block.text in text for text in texts)]
