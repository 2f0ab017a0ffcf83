"""The image with local-lambda in it, built and run for real. Name the container engine in DOCKER to have this run."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Iterator

import pytest

FOLDER = Path(__file__).resolve().parent.parent
DOCKER = os.environ.get("DOCKER", "")
IMAGE = "logs-api-extension"

pytestmark = [
    pytest.mark.skipif(not DOCKER, reason="DOCKER names no container engine (docker, podman)"),
    pytest.mark.skipif(not shutil.which("make"), reason="make is missing"),
]


def engine(*arguments: str) -> str:
    """Run a command of the container engine; returns its output and errors."""
    ended = subprocess.run([DOCKER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout.strip()


@pytest.fixture(params=["sandbox.localdomain", "127.0.0.1"])
def container(request: pytest.FixtureRequest) -> Iterator[str]:
    """A running container that serves the function, one that knows the name of the destination and one that does not.

    `make image` builds it; PYTHON_VERSION of the environment chooses the base.
    """
    subprocess.run(["make", "-C", str(FOLDER), "image", f"DOCKER={DOCKER}"], check=True)
    host = ["--add-host", f"{request.param}:127.0.0.1"] if request.param != "127.0.0.1" else []
    options = ["--init", "--read-only", "--tmpfs", "/tmp", "--publish", "127.0.0.1::8080", *host]
    started = engine("run", "--detach", *options, f"{IMAGE}:local").splitlines()[-1]
    try:
        with subprocess.Popen(
            [DOCKER, "logs", "--follow", started], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as log:
            assert log.stdout is not None
            assert any("listening on " in line for line in log.stdout)
            log.terminate()
        yield started
    finally:
        subprocess.run([DOCKER, "rm", "--force", started], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_lines_when_called_over_a_mapped_port(container: str, request: pytest.FixtureRequest) -> None:
    """The extension gets all lines at either address; SIGTERM brings it SHUTDOWN, and the container a clean end."""
    address = engine("port", container, "8080").splitlines()[0]
    url = f"http://{address}/2015-03-31/functions/function/invocations"
    with urllib.request.urlopen(url, (FOLDER / "events/three-lines.json").read_bytes(), timeout=30) as response:
        assert json.loads(response.read()) == {"lines": 3}
    engine("kill", "--signal", "TERM", container)
    assert engine("wait", container).splitlines()[-1] == "0"
    log = engine("logs", container)
    assert f'"URI": "http://{request.node.callspec.params["container"]}:4243"' in log
    assert f"[{IMAGE}] leaving after 1 invocations: 4 lines of the function" in log
    assert log.rstrip().endswith("stopped")
