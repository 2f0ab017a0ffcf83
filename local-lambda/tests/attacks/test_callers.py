"""Who may call: names of this machine, and no web page but those that were allowed. One rule for every port."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS
from attacks.connections import connect, read_answers
from attacks.test_mutated_http import signed
from conftest import MakeProject
from support.tool import Project, Tool, serving

INVOCATIONS = "/2015-03-31/functions/Echo/invocations"
STRANGERS = {
    "host evil.example": {"Host": "evil.example"},
    "host evil.example with a port": {"Host": "evil.example:80"},
    "host that begins like ours": {"Host": "127.0.0.1.evil.example"},
    "host that ends like ours": {"Host": "evil.example/localhost"},
    "host with a user": {"Host": "localhost@evil.example"},
    "host of the network": {"Host": "192.168.1.1"},
    "origin evil.example": {"Origin": "http://evil.example", "Content-Type": "text/plain"},
    "origin null": {"Origin": "null", "Content-Type": "text/plain"},
    "origin that begins like ours": {"Origin": "http://127.0.0.1.evil.example"},
    "cross-site fetch": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "same-site fetch": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
}
NEIGHBORS: dict[str, dict[str, str]] = {
    "no further header": {},
    "localhost": {"Host": "localhost"},
    "localhost in capitals": {"Host": "LOCALHOST:80"},
    "127.0.0.1 with a port": {"Host": "127.0.0.1:8080"},
    "another loopback address": {"Host": "127.1.2.3"},
    "address of six": {"Host": "[::1]:8080"},
    "page of the port itself": {"Sec-Fetch-Site": "same-origin"},
    "typed address": {"Sec-Fetch-Site": "none"},
}


class Port:
    """One port that runs a function or answers for one: a request to it, and whether it did what it was asked."""

    def __init__(self, tool: Tool, data: bytes) -> None:
        self.tool = tool
        self._data = data

    def ask(self, headers: dict[str, str]) -> int:
        """The status for the request with these headers on top."""
        data = self._data
        if "Host" in headers:
            data = data.replace(b"Host: 127.0.0.1\r\n", b"")
        start, end, rest = data.partition(b"\r\n")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        with connect(self.tool.host, self.tool.port) as connection:
            connection.sendall(start + end + lines + rest)
            ((status, _),) = read_answers(connection, 1)
        return status


@pytest.fixture(scope="module")
def ports(make_project: MakeProject, function_python: Path) -> Iterator[Callable[[str], Port]]:
    """Each kind of port, started when it is first needed."""
    route = {"Type": "HttpApi", "Properties": {"Path": "/items/{item}", "Method": "any"}}
    echo = {"Handler": "victim.echo", "CodeUri": str(VICTIMS)}
    project = make_project(None, Echo=echo, Route={**echo, "Events": {"Route": route}})
    post = f"POST {INVOCATIONS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    get = b"GET /items/1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    made: dict[str, Port] = {}
    with ExitStack() as tools:

        def make(name: str) -> Port:
            if name in ("start", "route"):
                tool = tools.enter_context(project.serving("--max-environments", "1"))
                made.update(start=Port(tool, post), route=Port(tool, get))
            elif name == "exec":
                shell = {"AWS_LAMBDA_FUNCTION_NAME": "Echo", "PYTHONPATH": str(VICTIMS)}
                command = [sys.executable, "-m", "awslambdaric", "victim.echo"]
                tool = tools.enter_context(serving("exec", "--", *command, variables=shell))
                made["exec"] = Port(tool, post)
            else:
                tool = tools.enter_context(serving("aws", "--python", function_python))
                presigned = (
                    b"GET /?AWSAccessKeyId=a&Signature=b&Expires=99999999999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
                )
                listing = signed("lambda", "GET", "/2015-03-31/functions/")
                unsigned = post.replace(b"Echo", b"None")
                made.update(aws=Port(tool, listing), s3=Port(tool, presigned), invocations=Port(tool, unsigned))
            return made[name]

        yield lambda name: made.get(name) or make(name)


EVERY_PORT = pytest.mark.parametrize("port", ["start", "route", "exec", "aws", "s3", "invocations"])


@pytest.mark.parametrize(
    ("port", "stranger"),
    [(port, stranger) for port in ("start", "route", "exec", "aws", "s3", "invocations") for stranger in STRANGERS],
)
def test_status_when_a_stranger_calls(ports: Callable[[str], Port], port: str, stranger: str) -> None:
    """403, and nothing was run."""
    asked = ports(port)
    since = len(asked.tool.lines)
    assert asked.ask(STRANGERS[stranger]) == 403
    assert not any("START RequestId" in line for line in asked.tool.lines[since:])


@EVERY_PORT
@pytest.mark.parametrize("neighbor", NEIGHBORS)
def test_status_when_a_neighbor_calls(ports: Callable[[str], Port], port: str, neighbor: str) -> None:
    """As without these headers: curl, SDKs and the page's own requests are served."""
    assert ports(port).ask(NEIGHBORS[neighbor]) == (404 if port == "invocations" else 200)


@pytest.mark.parametrize("stranger", [name for name in STRANGERS if name.startswith(("host evil", "origin evil"))])
def test_runtime_api_when_a_stranger_calls(tool: Tool, stranger: str) -> None:
    """The port of an environment has the same rule, for requests from within too."""
    headers = {"Host": "127.0.0.1", **STRANGERS[stranger]}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"GET /2018-06-01/ping HTTP/1.1\r\n{lines}\r\n".encode()
    (answer,) = tool.invoke("Relay", {"requests": [base64.b64encode(data).decode()]}).json
    assert base64.b64decode(answer).startswith(b"HTTP/1.1 403 ")


def test_status_when_a_name_and_a_page_are_allowed(make_project: MakeProject) -> None:
    """`--allow-host` and `--allow-origin` let them in, and no other caller."""
    project = make_project(None, Echo={"Handler": "victim.echo", "CodeUri": str(VICTIMS)})
    post = f"POST {INVOCATIONS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with project.serving("--allow-host", "lambda.test", "--allow-origin", "http://page.test") as tool:
        port = Port(tool, post)
        asked = [
            port.ask(headers)
            for headers in (
                {"Host": "lambda.test"},
                {"Origin": "http://page.test"},
                {"Host": "evil.example"},
                {"Origin": "http://evil.example"},
            )
        ]
    assert asked == [200, 200, 403, 403]


@pytest.fixture(scope="module")
def spying(make_project: MakeProject, shared_folder: Path) -> Iterator[tuple[Project, Path]]:
    """A function that looks for what it should not see, and a home with credentials in it."""
    code = """
import os

def handler(event, context):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and name != str(os.getpid()):
            try:
                with open("/proc/" + name + "/environ", "rb") as file:
                    if event["secret"].encode() in file.read():
                        with open("/proc/" + name + "/cmdline", "rb") as file:
                            found.append(file.read().replace(b"\\\\0", b" ").decode())
            except OSError:
                pass
    try:
        with open(event["credentials"]) as file:
            found.append(file.read())
    except OSError as error:
        pass
    return found
"""
    credentials = shared_folder / "home" / ".aws" / "credentials"
    credentials.parent.mkdir(parents=True)
    credentials.write_text("[default]\n")
    yield make_project({"app.py": code}, Spy={"Handler": "app.handler"}), credentials


def test_secrets_of_the_developer_when_a_function_looks_for_them(spying: tuple[Project, Path]) -> None:
    """No process that the function can look into has them in its environment."""
    project, _ = spying
    secret = "a-secret-of-the-developer"
    with project.serving(variables={"DEVELOPERS_TOKEN": secret}) as tool:
        found = tool.invoke("Spy", {"secret": secret, "credentials": "/none"}).json
        assert [line for line in found if "local_lambda" in line or "supervisor" in line] == []


def test_credentials_of_the_developer_when_a_function_looks_for_them(spying: tuple[Project, Path]) -> None:
    """`~/.aws` is out of reach."""
    project, credentials = spying
    with project.serving(variables={"HOME": str(credentials.parent.parent)}) as tool:
        assert tool.invoke("Spy", {"secret": os.urandom(8).hex(), "credentials": str(credentials)}).json == []
