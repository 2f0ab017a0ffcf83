"""An environment's Runtime API serves the processes of that environment, and no others of the machine."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from http.client import HTTPConnection

import pytest

from conftest import MakeProject
from local_lambda.processes import peers
from local_lambda.processes.peers import Address
from support.tool import Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CODE = """
import os, subprocess, sys, urllib.error, urllib.request

ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"

def handler(event, context):
    api = event.get("api") or os.environ["AWS_LAMBDA_RUNTIME_API"]
    url = "http://" + api + "/2018-06-01/runtime/invocation/next"
    if event.get("child"):
        url = "http://" + api + "/2018-06-01/none"
        return subprocess.run([sys.executable, "-c", ASK, url], capture_output=True, text=True).stderr[-200:]
    if event.get("api"):
        try:
            return urllib.request.urlopen(url).read().decode()
        except urllib.error.HTTPError as error:
            return [error.code, error.read().decode()]
    return api
"""
REFUSAL = {"message": "only processes of this execution environment are served here"}


@pytest.mark.parametrize("find", [peers._inode, peers._listed_inode], ids=["asked for", "listed"])
def test_inode_of_a_connection_is_that_of_its_other_end(find: Callable[[Address, Address], int | None]) -> None:
    """Both ways to find it agree with the socket itself, and with each other when there is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        own, peer = listener.getsockname(), client.getsockname()
        assert find(peer, own) == os.fstat(client.fileno()).st_ino
    assert find(("127.0.0.1", 1), own) is None


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project({"app.py": CODE}, One={"Handler": "app.handler"}, Two={"Handler": "app.handler"})


def test_runtime_api_refuses_a_process_of_the_machine(project: Project) -> None:
    """It does not get an event, and the runtime keeps running."""
    with project.serving() as tool:
        host, _, port = tool.invoke("One", {}).json.partition(":")
        connection = HTTPConnection(host, int(port), timeout=60)
        connection.request("GET", "/2018-06-01/runtime/invocation/next")
        reply = connection.getresponse()
        assert (reply.status, json.loads(reply.read())) == (403, REFUSAL)
        connection.close()
        assert tool.invoke("One", {}).status == 200


def test_runtime_api_refuses_another_function(project: Project) -> None:
    """One function cannot take the events of another."""
    with project.serving() as tool:
        api = tool.invoke("One", {}).json
        status, body = tool.invoke("Two", {"api": api}).json
        assert (status, json.loads(body)) == (403, REFUSAL)


def test_runtime_api_serves_children_of_the_runtime(project: Project) -> None:
    """Each uses a new connection: what they ask for does not exist, which is a different response."""
    with project.serving() as tool:
        assert "404" in tool.invoke("One", {"child": True}).json


def test_runtime_api_refuses_one_that_has_gone(project: Project) -> None:
    """A connection that was closed at once leaves nothing behind."""
    with project.serving() as tool:
        host, _, port = tool.invoke("One", {}).json.partition(":")
        for _ in range(50):
            socket.create_connection((host, int(port))).close()
        assert tool.invoke("One", {}).status == 200
