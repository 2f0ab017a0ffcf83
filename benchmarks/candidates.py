"""The candidates: the floor, `local-lambda exec`, `local-lambda start`, and any peer; how each is started."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import processes
from benchmarks.client import Connection, WrongAnswer

HERE = Path(__file__).parent
REPOSITORY = HERE.resolve().parent
FUNCTION = HERE / "function"
EXTENSION = HERE / "extension"
READY_SECONDS = 30.0
"""Seconds a candidate has from its start to its first correct response."""
PEER_PORT = 8080
"""The port of a peer whose command does not contain {port}: that of the emulator in AWS's base images."""
EVENT = b'{"message": "hello", "count": 1}'
ECHO: Mapping[str, Mapping[str, object]] = {"Echo": {}}
"""A template's functions: one echo function."""


class NotReady(Exception):
    """The candidate did not give a correct response in time; contains the end of its output."""


@dataclass(frozen=True)
class Setup:
    """The settings of a run."""

    python: str
    """The function's interpreter, which has awslambdaric."""
    tool: str
    """Path of local-lambda; empty if it is missing."""
    peers: dict[str, str]
    """Commands by name, each with the command line of aws-lambda-rie."""
    folder: Path
    """Temporary folder of the run."""
    left_out: list[str] = field(default_factory=list)
    """What could not be measured, and why."""

    @property
    def runtime(self) -> list[str]:
        """The command of the function's runtime, to be run in its folder."""
        return [self.python, "-m", "awslambdaric", "app.handler"]


@dataclass(frozen=True)
class Server:
    """A started candidate."""

    name: str
    port: int
    function: str
    process: subprocess.Popen[bytes]
    started: float
    """Seconds from its start to its first response."""

    def connect(self, function: str = "") -> Connection:
        """Open a connection that invokes the function."""
        return Connection(self.port, function or self.function)


def write_template(folder: Path, functions: Mapping[str, Mapping[str, object]], python: str) -> Path:
    """Write the functions' code and a SAM template; return the template's path.

    `functions` are names with properties that extend or replace the common ones: echo, no layer. The template is
    written as JSON, which is also YAML.
    """
    shutil.copytree(FUNCTION, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    version = subprocess.check_output([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True)
    properties = {"CodeUri": ".", "Handler": "app.handler", "Runtime": f"python{version.strip()}", "Timeout": 60}
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": str(EXTENSION)}}
    resources = {
        name: {"Type": "AWS::Serverless::Function", "Properties": {**properties, **own}}
        for name, own in functions.items()
    }
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"MinimalExtension": layer, **resources},
    }
    template = folder / "template.yaml"
    template.write_text(json.dumps(document, indent=2))
    return template


def with_extension(python: str, **variables: str) -> dict[str, object]:
    """Return the properties of a function with the minimal extension; `extension.py` explains the variables."""
    layers = [{"Ref": "MinimalExtension"}]
    return {"Layers": layers, "Environment": {"Variables": {"PYTHON": python, **variables}}}


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], port: int, setup: Setup, function: str = "function", invoke: bool = True
) -> Iterator[Server]:
    """Start a candidate, wait for its first correct response (or, unless `invoke`, its open port), stop it at the end.

    Raises NotReady.
    """
    log = setup.folder / f"{name.replace(' ', '-')}.log"
    log.write_bytes(b"")
    begin = time.perf_counter()
    process = processes.start(command, FUNCTION, log)
    try:
        wait_until_ready(process, port, function, invoke, begin + READY_SECONDS, log)
        yield Server(name, port, function, process, time.perf_counter() - begin)
    finally:
        processes.stop(process)


def wait_until_ready(
    process: subprocess.Popen[bytes], port: int, function: str, invoke: bool, deadline: float, log: Path
) -> None:
    """Return once the candidate responds. Raises NotReady if it ends or the deadline (by perf_counter) passes."""
    reason = "does not listen"
    while process.poll() is None and time.perf_counter() < deadline:
        try:
            connection = Connection(port, function)
            if invoke:
                connection.invoke(connection.request(EVENT), EVENT)
            connection.close()
            return
        except (OSError, WrongAnswer) as error:
            reason = str(error)
            time.sleep(0.002)
    output = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise NotReady(
        " | ".join(
            [f"{log.stem}: {reason}" if process.poll() is None else f"{log.stem}: ended with {process.poll()}", *output]
        )
    )


def floor(setup: Setup, environments: int = 1) -> contextlib.AbstractContextManager[Server]:
    """The floor with its runtimes."""
    port = processes.free_port()
    options = ["--port", str(port), "--environments", str(environments)]
    name = "floor" if environments == 1 else f"floor, {environments} environments"
    return running(name, [sys.executable, str(HERE / "floor.py"), *options, "--", *setup.runtime], port, setup)


def bare_floor(setup: Setup, runtime_port: int) -> contextlib.AbstractContextManager[Server]:
    """The floor without a runtime: one started by hand connects to `runtime_port`."""
    port = processes.free_port()
    command = [sys.executable, str(HERE / "floor.py"), "--port", str(port), "--runtime-port", str(runtime_port)]
    return running("floor", command, port, setup, invoke=False)


def local_lambda_exec(setup: Setup) -> contextlib.AbstractContextManager[Server]:
    """The tool as a replacement for aws-lambda-rie."""
    port = processes.free_port()
    command = [setup.tool, "exec", "--port", str(port), "--", *setup.runtime]
    return running("local-lambda exec", command, port, setup)


def local_lambda_start(
    setup: Setup,
    environments: int = 1,
    functions: Mapping[str, Mapping[str, object]] = ECHO,
    more: Sequence[str] = (),
) -> contextlib.AbstractContextManager[Server]:
    """The tool serving a template, with `more` options; it is ready when the first function is."""
    port = processes.free_port()
    template = write_template(setup.folder / "start", functions, setup.python)
    options = ["-t", str(template), "--port", str(port), "--max-environments", str(environments)]
    command = [setup.tool, "start", *options, "--python", setup.python, *more]
    name = " ".join(["local-lambda start", *more])
    if environments > 1:
        name += f", {environments} environments"
    return running(name, command, port, setup, next(iter(functions)))


def peer(setup: Setup, name: str) -> contextlib.AbstractContextManager[Server]:
    """A peer: COMMAND python -m awslambdaric app.handler."""
    command = setup.peers[name]
    port = processes.free_port() if "{port}" in command else PEER_PORT
    return running(name, [*shlex.split(command.replace("{port}", str(port))), *setup.runtime], port, setup)


@contextlib.contextmanager
def all_running(
    setup: Setup, candidates: Sequence[contextlib.AbstractContextManager[Server]], required: int = 1
) -> Iterator[list[Server]]:
    """Start the candidates and stop them at the end. Those that do not get ready are skipped; `setup` has the reasons.

    Raises NotReady if one of the first `required` fails, because the others are compared with those.
    """
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []
        for candidate in candidates:
            try:
                servers.append(stack.enter_context(candidate))
            except (NotReady, OSError) as error:
                if len(servers) < required:
                    raise
                setup.left_out.append(str(error))
        yield servers


def default_tool() -> str:
    """Return the path of local-lambda: this repository's, else the one on PATH, else an empty string."""
    own = HERE.parent / "local-lambda" / ".venv" / "bin" / "local-lambda"
    return str(own) if os.access(own, os.X_OK) else shutil.which("local-lambda") or ""
