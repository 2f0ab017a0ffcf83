"""Check links: files and headings must exist, web addresses must be well-formed. Nothing is fetched.

An anchor is made from a heading as on GitHub: lower case, spaces become hyphens, only letters, digits, hyphens and
underscores stay, and a repeated anchor gets a number at its end.
"""

from __future__ import annotations

import re
import urllib.parse
from collections import Counter
from pathlib import Path

from .parse import parse

HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
INLINE = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"\[((?:[^\[\]]|!\[[^\]]*\])+)\]\[([^\[\]]*)\]")
DEFINITION = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*(\S+)")
ATTRIBUTE = re.compile(r"<(?:img|a|source)\b[^>]*?\b(?:src|href|srcset)=\"([^\"]+)\"")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


HOST_PAGES = ("../../codespaces/new",)
"""Pages of the site that hosts the repository; a link in the root README reaches them from where that is shown."""


def slug(heading: str) -> str:
    """Make the anchor of a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"[*`]", "", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """All anchors of a Markdown file."""
    seen: Counter[str] = Counter()
    found = set()
    for line in parse(path).prose:
        if match := HEADING.match(line):
            name = slug(match[1])
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
        found.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return found


def links(path: Path) -> list[tuple[int, str]]:
    """Each target with the number of its line; for a reference without a definition the target is `[name]`."""
    prose = [CODE.sub("", line) for line in parse(path).prose]
    definitions = {match[1].lower(): match[2] for line in prose if (match := DEFINITION.match(line))}
    found = []
    for number, line in enumerate(prose, 1):
        targets = [match[1] for match in INLINE.finditer(line)] + ATTRIBUTE.findall(line)
        if match := DEFINITION.match(line):
            targets.append(match[2])
        for text, name in REFERENCE.findall(line):
            if (name or text).lower() not in definitions:
                targets.append(f"[{name or text}]")
        found += [(number, target) for target in targets]
    return found


def check(path: Path, root: Path) -> list[str]:
    """Return the problems with the links of a file below root, each with its line."""
    problems = []
    for number, target in links(path):
        place = f"{path.relative_to(root)}:{number}: {target}"
        if target in HOST_PAGES and path.parent == root:
            continue
        if target.startswith("["):
            problems.append(f"{place}: this reference is not defined")
        elif re.match(r"[a-z][a-z0-9+.-]*:", target):
            address = urllib.parse.urlsplit(target)
            if address.scheme != "mailto" and (address.scheme not in ("https", "http") or not address.hostname):
                problems.append(f"{place}: this is no address")
        else:
            name, _, anchor = urllib.parse.unquote(target).partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or not file.is_relative_to(root):
                problems.append(f"{place}: there is no such file")
            elif anchor and (file.suffix != ".md" or anchor not in anchors(file)):
                problems.append(f"{place}: there is no such heading")
    return problems
