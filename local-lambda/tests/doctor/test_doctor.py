"""`local-lambda doctor`: one finding for each kind of mistake, with its remedy, and none for what is right."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_lambda.cli.arguments import main
from local_lambda.doctor import checks
from local_lambda.doctor.checks import check_function, check_layer
from local_lambda.doctor.tree import Tree

HANDLER = b"def handler(event, context):\n    return 1\n"
X86, ARM = 0x3E, 0xB7
Make = Callable[[Mapping[str, bytes]], Path]


def elf(machine: int) -> bytes:
    """The beginning of a library for Linux."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a folder `code` with these files."""

    def make(files: Mapping[str, bytes]) -> Path:
        for name, content in {"app.py": HANDLER, **files}.items():
            path = tmp_path / "code" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "code"

    return make


@pytest.mark.parametrize(
    ("files", "handler", "expected"),
    [
        (
            {},
            "main.handler",
            "Handler: there is no file main.py in the package; correct Handler, or the folder of the code",
        ),
        ({}, "app.main", "code/app.py: does not define main; correct Handler, or the name of the function"),
        ({}, "handler", "Handler: 'handler' is not a module and a name; write it as in app.lambda_handler"),
        (
            {"fast.cpython-311-x86_64-linux-gnu.so": elf(X86)},
            "app.handler",
            "code/fast.cpython-311-x86_64-linux-gnu.so: is for Python 3.11, and the function runs on 3.12; install it"
            " for Lambda: pip install --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64"
            " --python-version 3.12 --only-binary=:all:",
        ),
        (
            {"fast.abi3.so": elf(ARM)},
            "app.handler",
            "code/fast.abi3.so: is for the processor arm64, and the function runs on x86_64; install it for",
        ),
        (
            {"fast.cpython-312-darwin.so": b"\xcf\xfa\xed\xfe"},
            "app.handler",
            "is not a library for Linux; install it for",
        ),
        ({"fast.cp312-win_amd64.pyd": b"MZ"}, "app.handler", "is for Windows or macOS; install it for Lambda"),
        (
            {"fast-1.dist-info/WHEEL": b"Tag: cp312-cp312-macosx_11_0_arm64\r\n"},
            "app.handler",
            "code/fast-1.dist-info/WHEEL: is a wheel for macosx_11_0_arm64; install it for Lambda",
        ),
        (
            {"app.py": HANDLER + b"import yaml\n"},
            "app.handler",
            "code/app.py:3: imports yaml, which is not in the package, its layers or Lambda's runtime; add it to",
        ),
        (
            {"app.py": HANDLER + b"open('cache.json', 'w')\n"},
            "app.handler",
            "code/app.py:3: writes to cache.json, and the code's folder is read-only on Lambda; write below /tmp",
        ),
        (
            {"app.py": HANDLER + b"from pathlib import Path\nPath('out').mkdir()\n"},
            "app.handler",
            "code/app.py:4: writes to out, and the code's folder is read-only on Lambda; write below /tmp",
        ),
    ],
)
def test_a_mistake_in_a_function_is_found(make: Make, files: Mapping[str, bytes], handler: str, expected: str) -> None:
    """One line: where, what, and what to do."""
    (finding,) = check_function(make(files), (), handler, "3.12")
    assert expected in str(finding)


@pytest.mark.parametrize(
    ("version", "options"),
    [
        ("3.9", "--platform manylinux2014_aarch64 --python-version 3.9"),
        ("3.11", "--platform manylinux2014_aarch64 --python-version 3.11"),
        ("3.12", "--platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 --python-version 3.12"),
        ("3.14", "--platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 --python-version 3.14"),
        (None, "--platform manylinux2014_aarch64"),
    ],
)
def test_remedy_for_a_library_is_for_the_python_of_the_function(make: Make, version: str | None, options: str) -> None:
    """Amazon Linux 2023, on which 3.12 and newer run, has a newer glibc, so newer wheels can be chosen from."""
    (finding,) = check_function(make({"fast.pyd": b"MZ"}), (), None, version, "arm64")
    assert finding.remedy == f"install it for Lambda: pip install {options} --only-binary=:all:"


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": HANDLER + b"import boto3, json, helper\n", "helper.py": b""},
        {"app.py": HANDLER + b"try:\n    import yaml\nexcept ImportError:\n    yaml = None\n"},
        {
            "app.py": HANDLER + b"import yaml\n",
            "yaml/__init__.py": b"import other\n",
            "yaml-6.dist-info/RECORD": b"yaml/__init__.py,,\n",
        },
        {"app.py": HANDLER + b"import yaml\n", "requirements.txt": b"PyYAML==6.0 # templates\n"},
        {"app.py": HANDLER + b"open('/tmp/x', 'w')\nopen('data.json')\n"},
        {"fast.cpython-312-x86_64-linux-gnu.so": elf(X86), "other.abi3.so": elf(X86)},
        {".venv/lib/fast.cpython-38-darwin.so": b"no", "tests/test_app.py": b"import pytest\n"},
        {"app.py": b"from other import *\n", "other.py": HANDLER},
    ],
)
def test_nothing_is_found_when_all_is_right(make: Make, tmp_path: Path, files: Mapping[str, bytes]) -> None:
    """Modules of the package, of Lambda and of the requirements; writes to /tmp; libraries for Lambda."""
    installed = tmp_path / "site-packages" / "PyYAML-6.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "top_level.txt").write_text("_yaml\nyaml\n")
    assert list(check_function(make(files), (), "app.handler", "3.12", installed=(installed.parent,))) == []


def test_permissions_of_a_zip_are_those_that_lambda_will_see(tmp_path: Path) -> None:
    """A file that only its owner can read runs here and fails there."""
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o100600 << 16
        archive.writestr(entry, HANDLER)
    (finding,) = check_function(package, (), "app.handler", "3.12")
    assert str(finding) == "package.zip/app.py: cannot be read on Lambda (mode 0600); run: chmod o+r app.py"


def test_sizes_over_the_limits_are_found(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zipped, and unzipped with the layers."""
    monkeypatch.setattr(checks, "MAX_ZIPPED_BYTES", 100)
    monkeypatch.setattr(checks, "MAX_UNZIPPED_BYTES", 1000)
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", HANDLER)
        archive.writestr("data.bin", bytes(900))
    layer = make({"python/big.bin": bytes(200)})
    found = [str(finding) for finding in check_function(package, (layer,), "app.handler", "3.12")]
    assert any("and 100 can be sent with a request; upload it to S3" in line for line in found)
    assert any("bytes unzipped, with its layers, and Lambda takes 1,000; leave out" in line for line in found)


@pytest.mark.parametrize(
    ("name", "content", "mode", "expected"),
    [
        (
            "extensions/one",
            b"#!/bin/sh\n",
            0o644,
            "is not executable on Lambda (mode 0644); run: chmod a+rx extensions/one",
        ),
        ("extensions/one", b"import os\n", 0o755, "has no line #! at its beginning; name its program there"),
        (
            "extensions/one",
            b"#!/bin/sh\r\n",
            0o755,
            "has line ends of Windows (CRLF); run: sed -i 's/\\r$//' extensions/one",
        ),
        ("extensions/a b", b"#!/bin/sh\n", 0o755, "has a name that cannot be registered; use up to 128 letters"),
        ("helper.py", b"", 0o644, "is not found by Python; move the code into a folder python/"),
    ],
)
def test_a_mistake_in_a_layer_is_found(tmp_path: Path, name: str, content: bytes, mode: int, expected: str) -> None:
    """Lambda says of most of them only that an extension could not be started."""
    path = tmp_path / "layer" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.chmod(mode)
    (finding,) = check_layer(Tree(tmp_path / "layer"))
    assert expected in str(finding)


def run(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str]]:
    """Status and lines of the command."""
    status = main(["doctor", *map(str, arguments)])
    return status, capfd.readouterr().out.splitlines()


def test_command_checks_a_template_a_function_or_a_package(
    make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 with a line for each finding, 0 without any."""
    code = make({"app.py": HANDLER + b"import yaml\n"})
    properties: dict[str, Any] = {"Handler": "app.handler", "Runtime": "python3.12", "CodeUri": "code"}
    resources = {
        "Good": {"Handler": "index.handler", "Runtime": "python3.12", "InlineCode": "def handler(e, c): ..."},
        "Bad": properties,
        "Wrong": {**properties, "Timeout": 901},
    }
    template = tmp_path / "template.yaml"
    kind = "AWS::Serverless::Function"
    document = {name: {"Type": kind, "Properties": each} for name, each in resources.items()}
    template.write_text(json.dumps({"Resources": document}))
    status, lines = run(capfd, "-t", template)
    assert (status, len(lines)) == (1, 2)
    assert "Wrong.Timeout: 901 is not valid" in lines[0]
    assert lines[1].startswith("Bad: code/app.py:3: imports yaml")
    assert run(capfd, "-t", template, "Good") == (0, ["nothing was found that AWS would refuse"])
    assert run(capfd, code)[0] == 1
    assert main(["doctor", str(tmp_path / "none.zip")]) == 2
    (tmp_path / "broken.zip").write_bytes(b"PK no")
    assert main(["doctor", str(tmp_path / "broken.zip")]) == 2
