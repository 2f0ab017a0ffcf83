"""What a command needs before it begins: programs, optional packages, a broker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from local_lambda.errors import StartError

if TYPE_CHECKING:
    from local_lambda.amqp.connection import Broker


def check_program(command: Sequence[str], opt: Path | None = None) -> None:
    """Raises StartError when a command line names a program that does not exist; `opt` is what will be `/opt`."""
    from shutil import which

    if not command:
        return
    program = command[0]
    if opt is not None and program.startswith("/opt/"):
        program = str(opt / program.removeprefix("/opt/"))
    if which(program) is None:
        raise StartError(f"there is no program {program}; give a path or a name on PATH")


def check_extra(command: str, extra: str, *packages: str) -> None:
    """Raises StartError when `command` needs packages that are not installed."""
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise StartError(
            f"`{command}` needs packages that are not installed ({', '.join(missing)});"
            f" run: make install EXTRAS={extra} in local-lambda's folder, or pip install 'local-lambda-env[{extra}]'"
        )


def find_broker(uri: str | None) -> Broker | None:
    """The broker from `--amqp` or AMQP_URI. Removes that from the environment, because functions must not see it."""
    uri = uri or os.environ.get("AMQP_URI")
    os.environ.pop("AMQP_URI", None)
    if not uri:
        return None
    from local_lambda.amqp.connection import Broker

    return Broker(uri)
