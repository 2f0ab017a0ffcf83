"""Read what can be checked in a README: its fenced blocks, and the commands and output in `console` blocks.

    ```console                      run, and compared with the output
    $ command \\
        continued
    output
    $ cat <<END
    > lines that the shell asks for
    > END
    ```

The words after the fence's language are a reason: "```console needs an AWS account". A block with a reason is not run
or not compared, unless the reason is a tool that is installed (`OPTIONAL`). A command that ends with `&` runs in the
background, and its lines are waited for. `$ kill %1` ends it and shows the rest; the next `##` heading ends it without
showing anything. A `diff` block changes the files it names until the next heading or bold paragraph.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

NEW_PYTHON = "needs Python 3.12"
OPTIONAL = {
    NEW_PYTHON: "python3",
    "needs podman": "podman",
    "needs rabbitmq-server": "rabbitmq-server",
    "needs the AWS CLI": "aws",
}
"""Reasons that do not apply if the tool is installed, or if the environment variable CI is set. The Python is the one
that the commands find as `python3`; it has to be new enough in any case."""
FENCE = re.compile(r"^(`{3,}|~{3,})\s*([\w.+-]*)[ \t]*(.*)$")


@dataclass
class Command:
    """A command of a transcript; `line` is the number of its `$` line, from 1."""

    line: int
    source: list[str]
    """Its lines, as in the README."""
    expected: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text for the shell."""
        rest = ["" if line == ">" else line.removeprefix("> ") for line in self.source[1:]]
        return "\n".join([self.source[0].removeprefix("$ "), *rest])


@dataclass
class Block:
    """A fenced block. `line` is the number of the fence, `section` grows at each heading, `part` only at `##`."""

    line: int
    language: str
    reason: str
    lines: list[str]
    section: int
    part: int

    @property
    def is_run(self) -> bool:
        """Whether these are commands that can be run here."""
        if self.reason == NEW_PYTHON:
            return self.language == "console" and sys.version_info >= (3, 12)
        tool = OPTIONAL.get(self.reason)
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        is_there = bool(os.environ.get("CI") or shutil.which(tool, path=path)) if tool else not self.reason
        return self.language == "console" and is_there

    @property
    def text(self) -> str:
        """The content, including the last line end."""
        return "".join(f"{line}\n" for line in self.lines)

    def commands(self) -> list[Command]:
        """The commands of a `console` block.

        Raises ValueError if there is output before the first command.
        """
        commands: list[Command] = []
        continued = False
        for number, line in enumerate(self.lines, self.line + 1):
            if continued or (commands and f"{line} ".startswith("> ") and not commands[-1].expected):
                commands[-1].source.append(line)
            elif line.startswith("$ "):
                commands.append(Command(number, [line]))
            elif not commands:
                raise ValueError(f"line {number}: output before the first command")
            else:
                commands[-1].expected.append(line)
                continue
            continued = line.endswith("\\")
        return commands


@dataclass
class Document:
    """A Markdown file. `prose` has its lines with the blocks emptied, so that line numbers stay correct."""

    path: Path
    lines: list[str]
    prose: list[str]
    blocks: list[Block]


def parse(path: Path) -> Document:
    """Read a Markdown file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    prose = list(lines)
    blocks: list[Block] = []
    fence, section, part = "", 0, 0
    for index, line in enumerate(lines):
        if fence:
            prose[index] = ""
            if line.strip() == fence:
                fence = ""
            else:
                blocks[-1].lines.append(line)
        elif match := FENCE.match(line):
            prose[index] = ""
            fence = match[1]
            blocks.append(Block(index + 1, match[2], match[3].strip(), [], section, part))
        elif re.match(r"#{1,6} |\*\*", line):
            section += 1
            part += line.startswith("## ")
    return Document(path, lines, prose, blocks)
