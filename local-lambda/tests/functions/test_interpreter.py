"""The function's interpreter is found in a fixed order and is not started when files tell enough."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_lambda.errors import StartError
from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.interpreter import Interpreter, find_for_runtime, find_interpreter

CONFIGURATIONS = {
    "venv": "home = /usr/bin\ninclude-system-site-packages = false\nversion = {}\n",
    "virtualenv": "home = /usr/bin\nimplementation = CPython\nversion_info = {}.final.0\nversion = {}\n",
    "uv": "home = /usr/bin\nimplementation = CPython\nuv = 0.5.1\nversion_info = {}\n",
}


@dataclass
class Machine:
    """A project folder with a template and code, a folder on PATH, and a shell; interpreters are put where needed."""

    root: Path

    @property
    def template(self) -> Path:
        return self.root / "project" / "template.yaml"

    @property
    def started(self) -> bool:
        """Whether any interpreter was started."""
        return (self.root / "started").exists()

    def venv(self, folder: str, version: str = "3.12.1", client: bool = True, flavor: str = "venv") -> Path:
        """A virtual environment as `flavor` makes it; its python notes that it was started and has no client."""
        venv = self.root / folder
        packages = venv / "lib" / f"python{version.rpartition('.')[0]}" / "site-packages"
        packages.mkdir(parents=True)
        (venv / "pyvenv.cfg").write_text(CONFIGURATIONS[flavor].format(version, version))
        if client:
            (packages / "awslambdaric").mkdir()
        return self.program(f"{folder}/bin/python", version, client=False)

    def program(self, path: str, version: str = "3.12.1", client: bool = True, reports: str | None = None) -> Path:
        """A program that prints what an interpreter prints when asked for its name, version and client."""
        program = self.root / path
        program.parent.mkdir(parents=True, exist_ok=True)
        answer = f"{reports or program}\n{version}\n{int(client)}"
        program.write_text(f"#!/bin/sh\n: >'{self.root}/started'\necho '{answer}'\n")
        program.chmod(0o755)
        return program

    def broken_shim(self, path: str) -> None:
        """A pyenv shim of a version that is not switched on."""
        program = self.program(path)
        program.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")

    def find(self, chosen: str | None = None, runtime: str | None = "python3.12", **shell: str) -> Interpreter:
        function = FunctionConfig("hello", "app.handler", runtime=runtime, code=self.root / "project" / "src" / "app")
        path = f"{self.root / 'bin'}:/nowhere:{self.root / 'more'}"
        return find_interpreter(function, self.template, chosen, {"PATH": path, **shell})

    def find_for(self, runtime: str, chosen: str | None = None, **shell: str) -> Interpreter:
        """For a function without a template, from the folder `project`."""
        function = FunctionConfig("hello", "app.handler", runtime=runtime)
        path = f"{self.root / 'bin'}:{self.root / 'more'}"
        return find_for_runtime(function, self.root / "project", chosen, {"PATH": path, **shell})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any interpreter."""
    (tmp_path / "project" / "src" / "app").mkdir(parents=True)
    return Machine(tmp_path)


def test_find_interpreter_takes_the_first_there_is_when_there_are_many(machine: Machine) -> None:
    """The order: --python, LOCAL_LAMBDA_PYTHON, .venv by the template, in and next to the code, VIRTUAL_ENV, PATH."""
    active = machine.root / "active"
    shell = {"VIRTUAL_ENV": str(active)}
    places = ["project/.venv", "project/src/app/.venv", "project/src/.venv", "active"]
    found = [machine.program("bin/python3"), machine.program("bin/python3.12")]
    assert [machine.find(runtime=None).path, machine.find().path] == found
    for place in reversed(places):
        found.append(machine.venv(place))
        assert machine.find(**shell).path == found[-1]
    variable = machine.venv("by-variable")
    assert machine.find(LOCAL_LAMBDA_PYTHON=str(variable), **shell).path == variable
    chosen = machine.venv("by-option")
    assert machine.find(str(chosen), LOCAL_LAMBDA_PYTHON=str(variable), **shell).path == chosen


@pytest.mark.parametrize("flavor", CONFIGURATIONS)
def test_find_interpreter_starts_nothing_when_a_virtual_environment_tells(machine: Machine, flavor: str) -> None:
    """Version and client of a virtual environment are read from its files, whichever tool made it."""
    path = machine.venv("project/.venv", "3.9.18", flavor=flavor)
    interpreter = machine.find()
    assert interpreter == Interpreter(path, "3.9.18")
    assert interpreter.runtime == "python3.9"
    assert not machine.started


def test_find_interpreter_keeps_the_link_when_a_virtual_environments_python_is_one(machine: Machine) -> None:
    """A virtual environment depends on the name of its python, so the link is not followed."""
    python = machine.venv("project/.venv")
    python.unlink()
    python.symlink_to(sys.executable)
    assert machine.find().path == python


def test_find_interpreter_looks_into_the_base_when_the_environment_includes_it(machine: Machine) -> None:
    """`include-system-site-packages` makes the client of the base interpreter good enough."""
    machine.venv("project/.venv", "3.12.1", client=False)
    (machine.root / "base/lib/python3.12/site-packages/awslambdaric").mkdir(parents=True)
    (machine.root / "project/.venv/pyvenv.cfg").write_text(
        f"home = {machine.root}/base/bin\ninclude-system-site-packages = true\nversion = 3.12.1\n"
    )
    assert machine.find().version == "3.12.1"
    assert not machine.started


def test_find_interpreter_reads_the_version_off_the_name_when_it_is_no_virtual_environment(machine: Machine) -> None:
    """`python3` that leads to `python3.10` is 3.10; its last number is not known without starting it."""
    (machine.root / "system/bin").mkdir(parents=True)
    (machine.root / "system/bin/python3.10").write_bytes(b"\x7fELF")
    (machine.root / "system/bin/python3.10").chmod(0o755)
    (machine.root / "system/lib/python3.10/site-packages/awslambdaric").mkdir(parents=True)
    (machine.root / "bin").mkdir()
    (machine.root / "bin/python3").symlink_to(machine.root / "system/bin/python3.10")
    assert machine.find() == Interpreter(machine.root / "bin/python3", "3.10")


def test_find_interpreter_asks_it_when_its_files_do_not_tell(machine: Machine) -> None:
    """An interpreter whose client is nowhere usual is asked before it is refused."""
    path = machine.program("bin/python3.12", "3.12.4")
    assert machine.find() == Interpreter(path, "3.12.4")
    assert machine.started


def test_find_interpreter_goes_behind_a_shim_when_one_is_on_path(machine: Machine) -> None:
    """The interpreter behind a version manager's shim is used, not the shim, which costs a shell at every start."""
    machine.program("more/python3.12", reports="/versions/3.12.1/bin/python3.12")
    shims = machine.root / "shims"
    (machine.root / "more").rename(shims)
    assert machine.find(PATH=str(shims)).path == Path("/versions/3.12.1/bin/python3.12")


def test_find_interpreter_skips_a_shim_when_its_version_is_switched_off(machine: Machine) -> None:
    """A shim that prints `command not found` is skipped for the next on PATH, then for `python3`."""
    machine.broken_shim("bin/python3.12")
    fallback = machine.program("bin/python3", "3.11.7")
    assert machine.find().path == fallback
    second = machine.program("more/python3.12")
    assert machine.find().path == second
    assert machine.find("python3.12").path == second


def test_find_interpreter_works_when_it_is_a_real_one(machine: Machine) -> None:
    """A real interpreter understands the question put to it (the one of these tests, which may lack the client)."""
    python = os.path.realpath(sys.executable)
    try:
        answer = machine.find(python).runtime
    except StartError as error:
        answer = str(error)
    assert answer == f"python3.{sys.version_info.minor}" or answer.startswith(f"{python} has no awslambdaric")


def refusal(machine: Machine, chosen: str | None = None, **shell: str) -> str:
    with pytest.raises(StartError) as error:
        machine.find(chosen, **shell)
    text = str(error.value)
    assert "\n" not in text
    return text.replace(str(machine.root), "ROOT")


@pytest.mark.parametrize(
    ("flavor", "command"),
    [
        ("venv", "ROOT/project/.venv/bin/python -m pip install awslambdaric"),
        ("uv", "uv pip install --python ROOT/project/.venv/bin/python awslambdaric"),
    ],
)
def test_find_interpreter_says_what_to_install_when_the_client_is_missing(
    machine: Machine, flavor: str, command: str
) -> None:
    """A virtual environment without the client is named with the command that installs it."""
    machine.venv("project/.venv", client=False, flavor=flavor)
    expected = f"ROOT/project/.venv/bin/python has no awslambdaric, the runtime interface client; install it: {command}"
    assert refusal(machine) == expected


def test_find_interpreter_proposes_a_virtual_environment_when_the_systems_python_lacks_the_client(
    machine: Machine,
) -> None:
    """Do not install into the system's own Python; an environment next to the template is found the next time."""
    machine.program("bin/python3.12", client=False)
    assert refusal(machine) == (
        "ROOT/bin/python3.12 has no awslambdaric, the runtime interface client; install it next to the template:"
        " ROOT/bin/python3.12 -m venv ROOT/project/.venv && ROOT/project/.venv/bin/python -m pip install awslambdaric"
    )


def test_find_interpreter_refuses_it_when_it_is_too_old(machine: Machine) -> None:
    """Lambda's runtime interface client needs 3.8; older ones are refused without being started."""
    machine.venv("project/.venv", "3.7.16")
    assert refusal(machine) == (
        "ROOT/project/.venv/bin/python is Python 3.7.16; functions run on 3.8 or newer: name another one with --python"
    )
    assert not machine.started


def test_find_interpreter_says_so_when_there_is_none(machine: Machine) -> None:
    """Without any interpreter, a message says what to install."""
    expected = "there is no python3 to run hello with; install Python 3.8 or newer, or name one with --python"
    assert refusal(machine) == expected


def test_find_interpreter_says_so_when_the_chosen_one_is_none(machine: Machine) -> None:
    """What the reader named is not replaced by something else."""
    machine.venv("project/.venv")
    machine.broken_shim("bin/python3.12")
    end = "; name another Python interpreter"
    assert refusal(machine, "python3.9") == f"--python python3.9: command not found on PATH{end}"
    path = f"{machine.root}/nothing"
    assert refusal(machine, path) == f"--python ROOT/nothing: ROOT/nothing is not a program{end}"
    reason = "ROOT/bin/python3.12 does not run (pyenv: python3.12: command not found)"
    assert refusal(machine, LOCAL_LAMBDA_PYTHON="python3.12") == f"LOCAL_LAMBDA_PYTHON python3.12: {reason}{end}"


def test_find_interpreter_says_so_when_a_virtual_environment_lost_its_base(machine: Machine) -> None:
    """A .venv whose base was removed is not passed over in silence."""
    python = machine.venv("project/.venv")
    python.unlink()
    python.symlink_to("/nowhere/python3.12")
    machine.program("bin/python3")
    expected = "ROOT/project/.venv/bin/python is no longer a program; make its virtual environment again"
    assert refusal(machine) == expected


def test_find_for_runtime_takes_the_one_of_the_runtimes_version(machine: Machine) -> None:
    """Wherever it is; --python and the variable still win."""
    here = machine.venv("project/.venv", "3.11.7")
    active = machine.venv("active", "3.12.1")
    named = machine.program("bin/python3.13", "3.13.0")
    shell = {"VIRTUAL_ENV": str(machine.root / "active")}
    found = [machine.find_for(f"python3.{minor}", **shell).path for minor in (11, 12, 13)]
    assert found == [here, active, named]
    chosen = machine.venv("chosen", "3.8.1")
    assert machine.find_for("python3.11", str(chosen), **shell).path == chosen
    assert machine.find_for("python3.11", LOCAL_LAMBDA_PYTHON=str(chosen)).path == chosen


def test_find_for_runtime_takes_another_version_when_that_has_the_client(machine: Machine) -> None:
    """The one of the right version is of no use without it."""
    machine.program("bin/python3.12", client=False)
    here = machine.venv("project/.venv", "3.11.7")
    assert machine.find_for("python3.12").path == here


def test_find_for_runtime_says_how_to_make_one_when_there_is_none(machine: Machine) -> None:
    """The commands to type, in the folder in which it is looked for."""
    machine.program("bin/python3", "3.11.2", client=False)
    with pytest.raises(
        StartError, match=r"python3\.12 -m venv \.venv && \.venv/bin/python -m pip install awslambdaric"
    ):
        machine.find_for("python3.12")
