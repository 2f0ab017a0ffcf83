"""What a container image of a template runs, read from its Dockerfile, because images are not opened here.

Specification: https://docs.docker.com/reference/dockerfile/ and, for AWS's base images,
https://docs.aws.amazon.com/lambda/latest/dg/python-image.html. A stage has what the stage it
begins from has.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

MAX_DOCKERFILE_BYTES = 262_144
_CLIENTS = ("awslambdaric", "lambda-entrypoint.sh")
"""The runtime interface client, and the program of AWS's images that starts it."""
_OTHER_RUNTIME = re.compile(r"\blambda/(nodejs|java|dotnet|ruby|go|provided)\b").search


class Image(NamedTuple):
    """`base` is the image that the stage begins from, `copied` the sources of its COPY instructions, in order."""

    base: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    copied: tuple[str, ...]

    @property
    def is_foreign(self) -> bool:
        """Whether it begins from AWS's image of a runtime other than Python."""
        return _OTHER_RUNTIME(self.base) is not None

    @property
    def program(self) -> tuple[str, ...]:
        """The entry point, unless that is the Python client, which is what runs a handler here as well."""
        is_client = any(client in part for part in self.entry_point for client in _CLIENTS)
        return () if is_client else self.entry_point

    def folder(self, context: Path, handler: str) -> Path:
        """The folder of `context` that becomes `/var/task`: the copied one with the handler's file in it."""
        module = handler.rpartition(".")[0].replace(".", "/").removeprefix("/")
        for source in (".", *self.copied):
            place = (context / source.rstrip("/*")).resolve()
            if place.is_relative_to(context.resolve()) and place.is_dir() and _has(place, module):
                return place
        return context


def read_dockerfile(path: Path, target: str | None = None) -> Image | None:
    """The image of the stage `target`, or of the last one; None if there is no such file or stage."""
    try:
        with path.open("rb") as file:
            source = file.read(MAX_DOCKERFILE_BYTES).decode(errors="replace")
    except OSError:
        return None
    stages: dict[str, Image] = {}
    image = Image("", (), (), ())
    stage, inherited = "", True
    for name, argument in _instructions(source):
        if name == "FROM":
            stages[stage] = image
            words = [word for word in argument.split() if not word.startswith("--")]
            base = words[0] if words else ""
            image = stages.get(base.lower(), Image(base, (), (), ()))
            stage, inherited = words[2].lower() if len(words) == 3 else "", True
        elif name == "ENTRYPOINT":
            image = image._replace(entry_point=_words(argument), command=() if inherited else image.command)
        elif name == "CMD":
            image, inherited = image._replace(command=_words(argument)), False
        elif name in ("COPY", "ADD") and "--from" not in argument:
            words = [word for word in _words(argument) if not word.startswith("--")]
            image = image._replace(copied=(*image.copied, *words[:-1]))
    stages[stage] = image
    return image if target is None else stages.get(target.lower())


def _instructions(source: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\[ \t]*\r?\n", " ", re.sub(r"(?m)^[ \t]*#.*$\n?", "", source))
    lines = (line.strip().split(None, 1) for line in joined.splitlines())
    return [(words[0].upper(), words[1]) for words in lines if len(words) == 2]


def _words(argument: str) -> tuple[str, ...]:
    """The words of an instruction in its JSON form or its shell form."""
    try:
        words = json.loads(argument)
    except ValueError:
        try:
            words = shlex.split(argument)
        except ValueError:
            words = argument.split()
    return tuple(map(str, words)) if isinstance(words, list) else ()


def _has(folder: Path, module: str) -> bool:
    return (folder / f"{module}.py").is_file() or (folder / module / "__init__.py").is_file()
