"""What a sandbox has of Lambda's limits: the size of `/tmp`, the home folder, devices, open files, memory."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.sandboxed import IMPOSSIBLE

pytestmark = pytest.mark.skipif(IMPOSSIBLE is not None, reason=IMPOSSIBLE or "")

CODE = """
import errno, getpass, os, pathlib, resource

def fill(event, context):
    with open("/tmp/large", "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, event["mb"] * 1024 * 1024)
        except OSError as error:
            return errno.errorcode[error.errno]
    return "fits"

def home(event, context):
    there = pathlib.Path.home()
    try:
        there.mkdir()
    except OSError as error:
        refused = errno.errorcode[error.errno]
    return [str(there), there.exists(), refused, os.environ.get("HOME")]

def look(event, context):
    return sorted(os.listdir(event["folder"]))

def lock(event, context):
    import multiprocessing
    try:
        multiprocessing.Lock()
    except OSError as error:
        return [os.path.exists("/dev/shm"), type(error).__name__]

def files(event, context):
    opened = []
    try:
        while True:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        found = errno.errorcode[error.errno]
    for each in opened:
        os.close(each)
    return [found, resource.getrlimit(resource.RLIMIT_NOFILE)]
"""


def result(make_project: MakeProject, handler: str, event: object = None, **properties: Any) -> Any:
    """What a function returns."""
    project = make_project({"app.py": CODE}, Hello={"Handler": f"app.{handler}", **properties})
    ended = project.invoke("Hello", events=[event or {}])
    assert ended.status == 0, ended.errors
    return json.loads(ended.output)


@pytest.mark.parametrize(("size", "mb", "how"), [(None, 400, "fits"), (None, 600, "ENOSPC"), (700, 600, "fits")])
def test_tmp_has_the_size_of_the_ephemeral_storage(
    make_project: MakeProject, size: int | None, mb: int, how: str
) -> None:
    """512 MB unless the template says otherwise."""
    properties = {} if size is None else {"EphemeralStorage": {"Size": size}}
    assert result(make_project, "fill", {"mb": mb}, **properties) == how


def test_home_folder_is_lambdas_and_is_not_there(make_project: MakeProject) -> None:
    """It cannot be made either; no variable names another one."""
    assert result(make_project, "home") == ["/home/sbx_user1051", False, "EROFS", None]


def test_home_folder_of_the_user_is_out_of_sight(make_project: MakeProject) -> None:
    """Except for what the function's Python needs."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        (Path(home) / ".netrc").write_text("machine example password secret\n")
        project = make_project({"app.py": CODE}, Hello={"Handler": "app.look"})
        ended = project.invoke("Hello", events=[{"folder": home}], variables={"HOME": home})
        assert json.loads(ended.output) == []


def test_home_folder_is_out_of_sight_when_temporary_files_are_in_it(make_project: MakeProject) -> None:
    """As with a `TMPDIR` below the home folder."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        (Path(home) / ".netrc").write_text("machine example password secret\n")
        (Path(home) / "tmp").mkdir()
        project = make_project({"app.py": CODE}, Hello={"Handler": "app.look"})
        variables = {"HOME": home, "TMPDIR": f"{home}/tmp"}
        ended = project.invoke("Hello", events=[{"folder": home}], variables=variables)
        assert json.loads(ended.output) == []


def test_shared_memory_is_not_there(make_project: MakeProject) -> None:
    """So locks of `multiprocessing` fail, as they do on Lambda."""
    assert result(make_project, "lock") in ([False, "FileNotFoundError"], [False, "OSError"])


def test_files_are_1024(make_project: MakeProject) -> None:
    """Those of the runtime count."""
    assert result(make_project, "files") == ["EMFILE", [1024, 1024]]


@pytest.mark.skipif(os.getuid() == 0, reason="the kernel does not limit the processes of root")
def test_processes_are_1024(make_project: MakeProject) -> None:
    """Only those of the environment count."""
    code = "import resource\ndef handler(event, context):\n    return resource.getrlimit(resource.RLIMIT_NPROC)\n"
    ended = make_project({"app.py": code}, Hello={"Handler": "app.handler"}).invoke("Hello")
    assert json.loads(ended.output) == [1024, 1024]
