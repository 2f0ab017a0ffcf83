"""The two images, built and run for real. Name the container engine in DOCKER to have these tests run."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

FOLDER = Path(__file__).resolve().parent.parent
DOCKER = os.environ.get("DOCKER", "")
IMAGE = "external-extension-container"

pytestmark = [
    pytest.mark.skipif(not DOCKER, reason="DOCKER names no container engine (docker, podman)"),
    pytest.mark.skipif(not shutil.which("make"), reason="make is missing"),
]


def engine(*arguments: str) -> str:
    """Run a command of the container engine; returns its output and errors."""
    ended = subprocess.run([DOCKER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def images() -> None:
    """Both images, built by `make image`; PYTHON_VERSION of the environment chooses the base."""
    subprocess.run(["make", "-C", str(FOLDER), "image", f"DOCKER={DOCKER}"], check=True)


@pytest.fixture
def containers() -> Iterator[List[str]]:
    """Containers that are removed after the test."""
    names: List[str] = []
    yield names
    for name in names:
        subprocess.run([DOCKER, "rm", "--force", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start(containers: List[str], *arguments: str) -> str:
    """Start a container in the background and wait until the function is served; returns the container's id."""
    options = ["--read-only", "--tmpfs", "/tmp", "--env", "AWS_LAMBDA_FUNCTION_NAME=ContainerFunction"]
    container = engine("run", "--detach", "--init", *options, *arguments).splitlines()[-1]
    containers.append(container)
    with subprocess.Popen(
        [DOCKER, "logs", "--follow", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as log:
        assert log.stdout is not None
        assert any("listening on " in line for line in log.stdout)
        log.terminate()
    return container


def invoke(address: str, name: str) -> Any:
    """Invoke the function as a container's caller does."""
    url = f"http://{address}/2015-03-31/functions/{name}/invocations"
    with urllib.request.urlopen(url, (FOLDER / "events/hello.json").read_bytes(), timeout=30) as response:
        return json.loads(response.read())


def test_answer_when_called_over_a_mapped_port(images: None, containers: List[str]) -> None:
    """curl's way in: both names are answered; SIGTERM then brings SHUTDOWN to the extension and a clean end."""
    container = start(containers, "--publish", "127.0.0.1::8080", f"{IMAGE}:local")
    address = engine("port", container, "8080").splitlines()[0]
    answers: List[Dict[str, str]] = [invoke(address, name) for name in ("ContainerFunction", "function")]
    assert answers[0] == answers[1]
    assert answers[0]["greeting"] == "Hello Ada"
    engine("kill", "--signal", "TERM", container)
    assert engine("wait", container).splitlines()[-1] == "0"
    log = engine("logs", container)
    assert log.count("[container-extension] INVOKE ") == 2
    assert "[container-extension] SHUTDOWN (spindown) after 2 invocations" in log
    assert log.rstrip().endswith("stopped")


@pytest.mark.parametrize("image", [IMAGE, f"{IMAGE}:local"])
def test_user_when_run(images: None, image: str) -> None:
    """Nothing runs as root, and every file can be read by any user."""
    assert engine("run", "--rm", "--entrypoint", "id", image, "-u") != "0"
    command = ["find", "/var/task", "/opt", "/lambda-entrypoint.sh", "!", "-readable"]
    assert engine("run", "--rm", "--entrypoint", command[0], image, *command[1:]) == ""


def test_content_when_built_for_aws(images: None) -> None:
    """The image for AWS has no local-lambda, and says so when it is run like the other one."""
    ended = subprocess.run([DOCKER, "run", "--rm", IMAGE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "build the stage 'local'" in ended.stdout
    listing = engine("run", "--rm", "--entrypoint", "find", IMAGE, "/var/task", "/opt", "-maxdepth", "2").splitlines()
    assert "/opt/container-extension/requests" in listing
    assert "/var/task/awslambdaric" in listing
    assert "/var/task/requests" not in listing
