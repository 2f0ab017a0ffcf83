"""Clean copies of the repository for READMEs to run in: tracked files, and the results of their `make install`.

One copy is the base, where everything is installed once, with the network. Each README then gets its own copy, whose
virtual environments are links to those of the base. There pip is offline, with the wheels that `make package` needs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from .parse import parse

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / ".git").exists())
"""The repository in which the command runs."""
PLATFORM = "manylinux2014_x86_64"  # as in the Makefiles

# Environment variables of the developer's shell that installation may need. Copies get no others.
FOR_INSTALLING = re.compile(r"PIP_.*|UV(_.*)?|SSL_.*|.*_CA_BUNDLE|(?i:https?_proxy|no_proxy)")
INSTALLS = re.compile(r"^(install:|include install\.mk)", re.MULTILINE)
MENTIONS = re.compile(r"\.md$|Makefile$")
FOR_ALL = ("LANG", "PYENV_ROOT", "PYENV_VERSION", "XDG_RUNTIME_DIR", "CI")


def tracked_files() -> list[str]:
    """The files of the repository in their current state, including new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def readmes() -> list[str]:
    """All Markdown files."""
    return sorted(name for name in tracked_files() if name.endswith(".md"))


def walkthroughs() -> list[str]:
    """The Markdown files with commands that are run, the longest walks first."""
    names = [name for name in readmes() if any(block.is_run for block in parse(ROOT / name).blocks)]
    return sorted(names, key=lambda name: (name != "README.md", name))


def home(readme: str) -> Path:
    """The folder that a README or page belongs to, where its commands run: for pages in `docs`, the folder above."""
    folder = Path(readme).parent
    return folder.parent if folder.name == "docs" else folder


class Copies:
    """The base and its copies, all below one temporary folder."""

    def __init__(self, folder: Path) -> None:
        """Copy the files to the base."""
        self._folder = folder
        self._base = folder / "base"
        self._wheels = folder / "wheels"
        self._wheels.mkdir(parents=True)
        self._files = tracked_files()
        self._locks = {name: threading.Lock() for name in self._parts()}
        self._installed: set[str] = set()
        # First on PATH: the Python that runs this, as `python3`, without its virtual environment; and the AWS CLI.
        commands = folder / "bin"
        commands.mkdir()
        python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        for name in ("python3", "python"):
            (commands / name).symlink_to(python)
        here = os.path.dirname(sys.executable)
        if aws := shutil.which("aws", path=here):
            (commands / "aws").symlink_to(aws)
        others = [name for name in os.environ["PATH"].split(os.pathsep) if name != here]
        self._path = os.pathsep.join([str(commands), *others])
        (folder / "home").mkdir()
        self._copy(ROOT, self._base)

    def _parts(self) -> list[str]:
        """The folders that can be installed."""
        makefiles = [Path(name) for name in self._files if name.endswith("/Makefile")]
        return [path.parent.name for path in makefiles if INSTALLS.search((ROOT / path).read_text(encoding="utf-8"))]

    def _copy(self, source: Path, target: Path) -> None:
        for name in self._files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in FOR_ALL if name in os.environ}
        return {"LANG": "C.UTF-8", **kept, "PATH": self._path}

    def environment(self) -> dict[str, str]:
        """The environment variables of a README's shell."""
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self._wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        # uv is left out: it does not read pip's settings, and an environment variable cannot disable its index.
        return {**self._environment(), **pip, "UV": "", "HOME": str(self._folder / "home")}

    def _install(self, part: str) -> None:
        """Run `make install`, as the reader does once, with the extras that a README asks for."""
        with self._locks[part]:
            if part in self._installed:
                return
            extras = set()
            if part == "local-lambda":
                texts = [(ROOT / name).read_text(encoding="utf-8") for name in self._files if MENTIONS.search(name)]
                extras.update(re.findall(r"\binstall (EXTRAS=[\w,]+)", "".join(texts)))
            else:
                self._install("local-lambda")
            for arguments in [[], *([extra] for extra in sorted(extras))]:
                self._call(["make", "--silent", "-C", part, "install", *arguments])
            if "build_package" in (ROOT / part / "Makefile").read_text(encoding="utf-8"):
                wheels = ["--dest", str(self._wheels), "--only-binary", ":all:", "--platform", PLATFORM]
                pip = [f"{part}/.venv/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
                self._call([*pip, "download", *wheels, "--requirement", f"{part}/requirements.txt"])
            self._installed.add(part)

    def _call(self, command: list[str]) -> None:
        helpful = {name: value for name, value in os.environ.items() if FOR_INSTALLING.fullmatch(name)}
        environment = {**helpful, **self._environment(), "HOME": os.environ.get("HOME", "/")}
        done = subprocess.run(
            command, cwd=self._base, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")

    def make(self, readme: str) -> Path:
        """Make the copy for a README with everything installed that its folder needs; return where its commands run."""
        own = str(home(readme))
        text = "".join(block.text for block in parse(ROOT / readme).blocks if block.language == "console")
        parts = [part for part in self._locks if part in (own, "local-lambda") or f"../{part}" in text]
        if "$ make run\n" in text and own == ".":
            parts = [part for part in self._locks if (ROOT / part / "template.yaml").exists()] + ["local-lambda"]
        target = self._folder / readme.replace("/", "-").removesuffix(".md")
        self._copy(self._base, target)
        for part in parts:
            self._install(part)
            (target / part / ".venv").symlink_to(self._base / part / ".venv")
        return target / home(readme)
