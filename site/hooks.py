"""Lets MkDocs build the site from the READMEs and pages where they are; they stay readable there.

Every Markdown file of the repository is a page, at the same path. Links between them need no change. Source files and
folders that a page links to get a page that shows them, so that the site is complete without the repository. The
pictures of runs become timelines that show details under the pointer.
"""

from __future__ import annotations

import functools
import html
import os
import re
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("site", "tests", "walkthrough/src", "local-lambda/src")]
import sequences  # noqa: E402
from examples import find_examples  # noqa: E402

from local_lambda.timeline.html import html_of  # noqa: E402
from walkthrough.anchors import CODE, HOST_PAGES, INLINE, links, slug  # noqa: E402
from walkthrough.copies import tracked_files  # noqa: E402
from walkthrough.parse import Block, Document, parse  # noqa: E402

GLOSSARY = "GLOSSARY.md"
LEFT_OUT = re.compile(r"^\.github/|/hints\.md$")
"""A form for pull requests, and the hints of the exercises, which `make learn` gives one at a time."""
REASON = re.compile(r"^( *```[\w.+-]+) .*")
"""The words after a fence's language, which say why a block is not run."""
PICTURE = re.compile(r"^\[?!\[([^]]*)\]\(([\w./-]*timeline\.svg)\)(?:\]\([^)]*\))?$")
SEARCH: dict[str, dict[str, Any]] = {
    GLOSSARY: {"boost": 2},
    "docs/symptoms.md": {"boost": 2},
    "local-lambda/docs/life-of-an-invocation.md": {"boost": 0.1},
    "local-lambda/tests/attacks/README.md": {"exclude": True},
}
"""What the search finds first: pages that explain; and last: pages for people who change the tool."""
TRANSCRIPT = re.compile(r'<div class="language-console highlight"')
TERM = re.compile(r"\*\*([^*]+)\*\*")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", "Dockerfile": "dockerfile"}


def pages() -> list[str]:
    """The Markdown files that are pages."""
    return [name for name in tracked_files() if name.endswith(".md") and not LEFT_OUT.search(name)]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages in order, and make anchors as on GitHub."""
    config.nav = order(pages())
    config.mdx_configs["toc"] = {"permalink": True, "slugify": lambda text, separator: slug(text)}
    return config


def order(names: list[str]) -> list[dict[str, Any]]:
    """The groups of pages: the learning path, in its order and numbered, comes first. A new page needs no entry."""
    lessons = {f"{folder}/README.md": f"{number} · {folder}" for number, folder in enumerate(find_examples(), 1)}
    linked = [resolve("local-lambda/README.md", link) for _, link in links(ROOT / "local-lambda/README.md")]
    tool = ["local-lambda/README.md", *(path for path in linked if path.startswith("local-lambda/"))]
    groups = {
        "Learn": ["README.md", "docs/examples.md", *lessons],
        "Exercises": [name for name in sorted(names) if name.startswith("exercises/")],
        "Symptoms": ["docs/symptoms.md"],
        "Glossary": [GLOSSARY],
        "local-lambda": [
            *tool,
            *(name for name in sorted(names) if name.startswith("local-lambda/docs/")),
            "pytest-local-lambda/README.md",
        ],
        "Project": sorted(names),
    }
    groups["Exercises"].sort(key=lambda name: name != "exercises/README.md")
    nav, placed = [], set()
    for title, members in groups.items():
        members = [name for name in dict.fromkeys(members) if name in names and name not in placed]
        placed.update(members)
        entries = [{lessons[name]: name} if name in lessons else name for name in members]
        nav.append({title: entries if len(entries) > 1 else entries[0]})
    return nav


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, their pictures and timelines, and the source files that they link to."""
    for name in pages():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
        for number, block in enumerate(diagrams(parse(ROOT / name)), 1):
            content = sequences.draw(sequences.read(block.lines))
            files.append(File.generated(config, diagram(name, number), content=content))
        for target in sorted(targets(name)):
            if files.get_file_from_path(target) or target.endswith(".md"):
                continue
            if target.endswith(".svg"):
                files.append(File.generated(config, target, abs_src_path=str(ROOT / target)))
                if target.endswith("timeline.svg"):
                    page = html_of((ROOT / target).read_text(encoding="utf-8"))
                    files.append(File.generated(config, target.replace(".svg", ".html"), content=page))
            elif not files.get_file_from_path(page_of(target)):
                files.append(File.generated(config, page_of(target), content=show(target)))
    return files


def diagrams(document: Document) -> list[Block]:
    """The blocks of a page that GitHub shows as pictures."""
    return [block for block in document.blocks if block.language == "mermaid"]


def diagram(name: str, number: int) -> str:
    """The picture that the site has for a diagram of a page."""
    return name.replace(".md", f"-{number}.svg")


def targets(name: str) -> set[str]:
    """The files and folders of the repository that a page links to, by their paths."""
    found = {resolve(name, link) for _, link in links(ROOT / name)} - {""}
    return {path for path in found if (ROOT / path).exists()}


def resolve(name: str, link: str) -> str:
    """The path in the repository that a relative link of a page leads to; empty for other links."""
    path = urllib.parse.unquote(link).partition("#")[0]
    if not path or re.match(r"[a-z][a-z0-9+.-]*:", link):
        return ""
    return os.path.normpath(os.path.join(os.path.dirname(name), path))


def page_of(target: str) -> str:
    """The page that shows a source file or a folder."""
    return f"source/{target}.md"


def show(target: str) -> str:
    """The text of that page: the file, or the files of the folder."""
    path = ROOT / target
    inside = [name for name in tracked_files() if name.startswith(f"{target}/")] if path.is_dir() else [target]
    text = ["---", "search: {exclude: true}", "---", f"# `{target}`", ""]
    for name in inside:
        content = (ROOT / name).read_text(encoding="utf-8", errors="replace").rstrip("\n")
        language = LANGUAGES.get(Path(name).suffix or Path(name).name, "text")
        text += [f"## `{name.removeprefix(target + '/')}`", ""] if path.is_dir() else []
        text += [f"`````{language}", content, "`````", ""]
    return "\n".join(text)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn what only GitHub understands, and what the site can do better."""
    name = page.file.src_uri
    if name.startswith("source/"):
        return markdown
    if name in SEARCH:
        page.meta["search"] = SEARCH[name]
    lines = markdown.split("\n")
    document = parse(ROOT / name)
    for index, outside in enumerate(document.prose):
        lines[index] = change(lines[index], name, config) if outside else REASON.sub(r"\1", lines[index])
    for number, block in enumerate(diagrams(document), 1):
        words = html.escape(sequences.read(block.lines).in_words())
        picture = f'<p><img src="{Path(diagram(name, number)).name}" alt="{words}"></p>'
        lines[block.line - 1 : block.line + len(block.lines) + 1] = [picture, *[""] * (len(block.lines) + 1)]
    return "\n".join(lines)


def change(line: str, name: str, config: MkDocsConfig) -> str:
    """A line of a page as the site has it."""
    if any(f'"{link}"' in line for link in HOST_PAGES):  # a page of the host of the repository
        return re.sub(r'"(\.\./)+', f'"{config.repo_url}/', line) if config.repo_url else ""
    if line.startswith("<details>"):
        return line.replace("<details>", '<details markdown="1">', 1)
    if picture := PICTURE.match(line):
        return timeline(*picture.groups(), name)
    if line.startswith("|"):  # in code in a table, GitHub needs a backslash before a bar, and others show it
        line = CODE.sub(lambda code: code[0].replace(r"\|", "|"), line)

    if name == GLOSSARY and line.startswith("|"):
        line = TERM.sub(lambda term: f'<strong id="{anchor(term[1])}">{term[1]}</strong>', line)

    def source(found: re.Match[str]) -> str:
        path = resolve(name, found[1])
        if path == GLOSSARY and "#" not in found[1]:
            return found[0].replace(f"({found[1]})", f"({found[1]}{anchor_of(found[0])})")
        if not path or path.endswith((".md", ".svg")) or not (ROOT / path).exists():
            return found[0]
        there = os.path.relpath(page_of(path), os.path.dirname(name) or ".")
        return found[0].replace(f"({found[1]})", f"({there})")

    return INLINE.sub(source, line)


def anchor_of(link: str) -> str:
    """The anchor of the term that is the text of a link to the glossary, such as `#cold-start`; empty without one."""
    text = link[1 : link.rindex("](")].strip("*`").lower()
    return terms().get(text) or terms().get(text.removesuffix("s"), "")


def anchor(term: str) -> str:
    """The anchor of a term, as the live page has it."""
    return term.strip("`").replace(" ", "-")


@functools.cache
def terms() -> dict[str, str]:
    """The terms of the glossary in small letters, with their anchors."""
    rows = [line for line in (ROOT / GLOSSARY).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {term.strip("`").lower(): f"#{anchor(term)}" for row in rows for term in TERM.findall(row)}


def timeline(caption: str, picture: str, name: str) -> str:
    """A picture of a run as a frame with the page that shows details, and a link to that page."""
    svg = (ROOT / resolve(name, picture)).read_text(encoding="utf-8")
    width, height = (float(number) for number in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    page = picture.replace(".svg", ".html")
    shape = f"aspect-ratio: {width} / {height}"
    frame = f'<iframe class="timeline" src="{page}" title="{html.escape(caption)}" style="{shape}"></iframe>'
    frame = f'<div class="scrolls">{frame}</div>'
    return (
        f'{frame}\n<p><a href="{page}">The timeline on its own page</a>. Point at a bar or a mark for its details.</p>'
    )


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give each transcript the text that its button copies: its commands, as the test of the READMEs runs them.

    Pygments' guess at what is prompt and what is output does not know here-documents and continued lines.
    """
    name = page.file.src_uri
    if name.startswith("source/"):
        return content
    blocks = (block for block in parse(ROOT / name).blocks if block.language == "console")

    def with_commands(found: re.Match[str]) -> str:
        commands = "\n".join(command.text for command in next(blocks).commands())
        return f'{found[0]} data-copy="{html.escape(commands)}"'

    return TRANSCRIPT.sub(with_commands, content)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Keep the theme's script from asking the host of the repository for its number of stars."""
    return output.replace(' data-md-component="source"', "")
