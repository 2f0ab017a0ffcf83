"""Adds to tox.ini the environments that come from the folders: the tool and every example, on every Python.

A folder with a template.yaml is an example, so a new one is tested without an entry here or in tox.ini. The Pythons are
those of .python-versions; a folder may have its own, with fewer. tox loads this file because of its name:
https://tox.wiki/en/latest/plugins.html
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from pathlib import Path

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.config.types import Command
from tox.execute import Outcome
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.api import ToxEnv
from tox.tox_env.python.pip.req_file import PythonDeps

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests"))
from examples import find_examples, offer_all_of_pyenv, read_pythons, short_names  # noqa: E402

TOOL_NEEDS = (3, 11)
LINE_EVERY = 30
"""Seconds between two lines that name what is running. On a terminal tox shows that itself."""
started: dict[str, float] = {}
"""Environment that runs its tests -> time it started."""


def environments() -> dict[str, str]:
    """Environment name -> folder."""
    named: dict[str, str] = {}
    factors = {version: "py" + version.replace(".", "") for version in read_pythons(ROOT)}
    for version, factor in factors.items():
        if tuple(map(int, version.split("."))) >= TOOL_NEEDS:
            named[f"tool-{factor}"] = "local-lambda"
    named.update({f"plugin-{factor}": "pytest-local-lambda" for factor in factors.values()})
    named.update({f"learn-{factors[version]}": "exercises" for version in LEARN if version in factors})
    for folder, name in short_names(find_examples(ROOT)).items():
        named.update({f"{name}-{factors[version]}": folder for version in read_pythons(ROOT, folder)})
    return named


LONGEST = ("tool-py313", "walkthroughs", "images", "aws")
"""They come first, so that a parallel run does not end with one of them."""
WITHOUT = {
    "tool-py311": ("amqp", "apis", "aws", "cli", "node", "runs", "sources"),
    "tool-py312": (
        *("amqp", "apis", "aws", "cli", "http", "node", "processes"),
        *("runs", "service", "sources", "telemetry", "timeline", "xray"),
    ),
    "tool-py314": ("amqp", "apis", "aws", "cli", "http", "node", "service", "sources"),
}
"""The rooms of the tool's tests that an environment leaves out, because the usual Python runs them: what they test
talks to other programs, and hardly to Python. Types are checked for the oldest Python. Node.js needs a minute, so once
is enough. What runs on 3.13 and on 3.14 is not run on 3.11 and 3.12 as well, if it takes long."""

WAITING = ("sqs-worker", "extension-toolbox", "durable-order", "logs-api-extension")
"""Examples whose runs mostly wait, for instance until a message becomes visible again. They run on the oldest Python
and on the one that most people use; their other tests run on every Python."""
PACKAGES = ["-k", "not test_package"]
"""Packages are built with the oldest and with the usual Python only: it takes long, and the libraries are Lambda's."""
USUAL = "3.13"
LEARN = ("3.8", USUAL)
"""The Pythons on which the exercises are checked: the oldest one, and the one that most people use."""


def left_out(name: str, folder: str) -> list[str]:
    """The options with which pytest leaves out a part of the folder's tests."""
    if folder not in find_examples(ROOT):
        return [f"--ignore=tests/{room}" for room in WITHOUT.get(name, ())]
    runs_all = [version.replace(".", "") for version in (read_pythons(ROOT, folder)[0], USUAL)]
    if name.rpartition("-py")[2] in runs_all:
        return []
    return [*PACKAGES, *(["--ignore=tests/test_run.py"] if folder in WAITING else [])]


def settings(name: str, folder: str) -> dict[str, object]:
    """The settings that differ from environment to environment."""
    requirements = [f"-e {ROOT / 'pytest-local-lambda'}", f"-r {ROOT / folder / 'requirements-test.txt'}"]
    requirements.append("pip")  # builds the examples' packages
    extras = "[aws,amqp,watch,debug]" if folder == "local-lambda" else ""
    if (ROOT / folder / "pyproject.toml").is_file() and folder != "pytest-local-lambda":
        requirements.append(f"-e {ROOT / folder}{extras}")
    if folder == "local-lambda":
        requirements.append(f"-c {ROOT / 'tests' / 'constraints.txt'}")
    found: dict[str, object] = {"description": f"the tests of {folder}", "change_dir": ROOT / folder}
    without = left_out(name, folder)
    if without and "--" not in sys.argv:  # tests that are named are run without more ado
        found["commands"] = [Command(["pytest", "tests", *without])]
    return {**found, "deps": PythonDeps("\n".join(requirements), ROOT)}


@impl
def tox_extend_envs() -> list[str]:
    """The names, for `tox -e` and `tox list`."""
    offer_all_of_pyenv()
    return list(environments())


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Run these environments by default, after those of tox.ini, each with its folder's settings."""
    named = environments()
    ready = core_conf["env_list"].envs
    ready[:] = [*LONGEST, *(name for name in (*ready, *named) if name not in LONGEST)]
    for name, folder in named.items():
        state.conf.memory_seed_loaders[name].append(MemoryLoader(**settings(name, folder)))


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Name this environment until it has ended."""
    started[tox_env.name] = time.monotonic()
    if tox_env.options.command in ("run-parallel", "p") and not os.isatty(1):
        begin_to_name_what_runs()


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: list[Outcome]) -> None:
    """Stop naming this environment."""
    started.pop(tox_env.name, None)


@functools.cache
def begin_to_name_what_runs() -> None:
    """Start name_what_runs in a thread, once."""
    threading.Thread(target=name_what_runs, daemon=True).start()


def name_what_runs() -> None:
    """Print a line from time to time: tox holds back the output of parallel environments until they end."""
    while True:
        time.sleep(LINE_EVERY)
        running = [f"{name} ({time.monotonic() - since:.0f} s)" for name, since in list(started.items())]
        if running:
            os.write(1, f"running: {', '.join(running)}\n".encode())
