"""Layers as the function sees them: what is where, who finds it, and what extensions are given."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.extended import make_layer, told
from support.sandboxed import IMPOSSIBLE
from support.tool import Outcome

NEEDS_SANDBOX = pytest.mark.skipif(IMPOSSIBLE is not None, reason=f"the sandbox {IMPOSSIBLE}")
LOOK = """
import os, shutil, subprocess, sys

def found(name):
    try:
        return __import__(name).WHERE
    except ImportError:
        return None

def handler(event, context):
    return {
        "modules": {name: found(name) for name in ("whole", "versioned", "both", "ours")},
        "path": sys.path,
        "program": subprocess.run(["layered"], stdout=subprocess.PIPE).stdout.decode().strip(),
        "variables": dict(os.environ),
        "files": {name: open("/opt/" + name).read() for name in event.get("read", [])},
        "links": {name: os.readlink("/opt/" + name) for name in event.get("links", [])},
    }
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files; those in `bin` and `extensions` may be executed."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if path.parent.name in ("bin", "extensions") else 0o644)
    return folder


def zipped(folder: Path) -> Path:
    """The folder as a zip, with modes and links."""
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)) + ("/" if path.is_dir() else ""))
            mode = path.lstat().st_mode
            entry.external_attr = mode << 16
            content = os.readlink(path).encode() if stat.S_ISLNK(mode) else b"" if path.is_dir() else path.read_bytes()
            archive.writestr(entry, content)
    return target


SITE = "python/lib/python3.{}/site-packages"
MINORS = range(8, 15)


@pytest.fixture(scope="module", params=["folders", "zips"])
def layers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two layers that have much in common."""
    folder = tmp_path_factory.mktemp("layers")
    first = write(
        folder / "first",
        {
            "python/whole.py": "WHERE = 'whole 1'",
            "python/both.py": "WHERE = 'whole'",
            **{f"{SITE.format(minor)}/both.py": "WHERE = 'versioned'" for minor in MINORS},
            **{f"{SITE.format(minor)}/versioned.py": "WHERE = 'versioned 1'" for minor in MINORS},
            "bin/layered": "#!/bin/sh\necho program 1\n",
            "data/first": "first",
            "data/shared": "first",
        },
    )
    (first / "link").symlink_to("data/shared")
    second = write(
        folder / "second",
        {
            "python/whole.py": "WHERE = 'whole 2'",
            "bin/layered": "#!/bin/sh\necho program 2\n",
            "data/second": "second",
            "data/shared": "second",
        },
    )
    return [first, second] if request.param == "folders" else [zipped(first), zipped(second)]


def look(extend: MakeProject, layers: list[Path], event: dict[str, Any], **variables: str) -> Any:
    """What the function sees."""
    outcome: Outcome = extend(code=LOOK, variables=variables, Layers=layers).report(event)
    (payload,) = outcome.payloads
    assert outcome.status == 0, payload
    return payload


@NEEDS_SANDBOX
def test_layers_when_there_are_two_are_one_folder(extend: MakeProject, layers: list[Path]) -> None:
    """Later ones over earlier ones, links and executable bits kept, modules and programs found."""
    read = ["data/first", "data/second", "data/shared", "link"]
    seen = look(extend, layers, {"read": read, "links": ["link"]})
    assert seen["files"] == dict(zip(read, ["first", "second", "second", "second"], strict=True))
    assert seen["links"] == {"link": "data/shared"}
    assert seen["program"] == "program 2"
    modules = {"whole": "whole 2", "versioned": "versioned 1", "both": "versioned", "ours": None}
    assert seen["modules"] == modules
    site = SITE.format(seen["variables"]["AWS_EXECUTION_ENV"].rpartition(".")[2])
    assert seen["path"][:3] == ["/var/task", f"/opt/{site}", "/opt/python"]
    variables = seen["variables"]
    assert variables["PATH"].endswith(":/opt/bin")
    assert variables["LD_LIBRARY_PATH"].endswith("/var/task:/var/task/lib:/opt/lib")
    assert (variables["LAMBDA_TASK_ROOT"], "PYTHONPATH" in variables) == ("/var/task", False)
    assert not [name for name in variables if "LOCAL_LAMBDA" in name]


@NEEDS_SANDBOX
def test_layers_when_the_function_sets_pythonpath_are_not_searched(extend: MakeProject, layers: list[Path]) -> None:
    """What it names is: so one layer's folder can be had back."""
    seen = look(extend, layers, {}, PYTHONPATH="/opt/python")
    assert seen["modules"] == {"whole": "whole 2", "versioned": None, "both": "whole", "ours": None}
    assert seen["path"][0] == "/var/task"


NOT_FOR_EXTENSIONS = {
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_HANDLER",
}
VARIABLES = "import os\nbefore = dict(os.environ)\ndef handler(event, context):\n    return before"


def test_extension_has_the_functions_variables_but_for_ten(extend: MakeProject) -> None:
    """The same values, the function's own variables among them."""
    script = "say('sees', variables=dict(os.environ), folder=os.getcwd())\nregister()\nserve()"
    outcome = extend({"one": script}, code=VARIABLES, variables={"CUSTOM": "välue"}).report({})
    (seen,) = [line for line in told(outcome) if line["what"] == "sees"]
    (own,) = outcome.payloads
    made_by_runtime = {"_LAMBDA_TELEMETRY_LOG_FD", "_X_AMZN_TRACE_ID", "LC_CTYPE"}
    expected = {name: value for name, value in own.items() if name not in NOT_FOR_EXTENSIONS | made_by_runtime}
    assert {name: value for name, value in seen["variables"].items() if name != "LC_CTYPE"} == expected
    assert set(own) >= NOT_FOR_EXTENSIONS
    assert seen["variables"]["CUSTOM"] == "välue"


WRAPPER = '#!/bin/sh\nexport WRAPPED=$#\nexec "$@"\n'
WRAPPED = "import os\ndef handler(event, context):\n    return os.environ.get('WRAPPED')"


@NEEDS_SANDBOX
def test_wrapper_of_a_layer_starts_the_runtime(extend: MakeProject, tmp_path: Path) -> None:
    """It gets Python's command line as arguments."""
    layer = write(tmp_path, {"bin/wrapper": WRAPPER})
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bin/wrapper"}
    outcome = extend(code=WRAPPED, variables=variables, Layers=[layer]).report({})
    assert outcome.payloads == ["2"]


@pytest.mark.parametrize(
    ("name", "text", "status"), [("absent", "does not exist", 127), ("plain", "is not an executable", 126)]
)
def test_wrapper_that_cannot_be_run_fails_the_init(
    extend: MakeProject, shared_folder: Path, name: str, text: str, status: int
) -> None:
    """The function's log says why; the response has the status of the shell."""
    (shared_folder / "plain").touch(0o644)
    wrapper = str(shared_folder / name)
    outcome = extend(code=WRAPPED, variables={"AWS_LAMBDA_EXEC_WRAPPER": wrapper}).report({})
    assert outcome.records("function") == [f"{wrapper}: {text}\n"] * 2
    (answer,) = outcome.payloads
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")


def test_extension_of_a_later_layer_replaces_that_of_an_earlier_one(extend: MakeProject, tmp_path: Path) -> None:
    """Only files directly in `extensions` are extensions."""
    first = write(tmp_path / "first", {"extensions/one": "#!/bin/sh\nexit 1\n", "extensions/deep/two": "text"})
    second = zipped(make_layer(tmp_path / "second", ["one"]))
    outcome = extend(Layers=[first, second]).report({"n": 1})
    assert outcome.payloads == [{"n": 1}]
    assert [record["name"] for record in outcome.records("platform.extension")] == ["one"]
