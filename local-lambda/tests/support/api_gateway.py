"""Functions with routes, and requests to them."""

from __future__ import annotations

import json
from typing import Any

from support.tool import Reply, Tool

CODE = """
import json

def echo(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}

def respond(event, context):
    return json.loads(event["body"])

def crash(event, context):
    raise ValueError("no")

def wait(event, context):
    path = json.loads(event["body"])["gate"]
    with open(path) as gate:
        print("waiting at", path, flush=True)
        return {"statusCode": 200, "body": gate.readline()}
"""


def route(kind: str, path: str | None = None, method: str | None = None, **properties: str) -> dict[str, Any]:
    """An event source of a function."""
    given = {"Path": path, "Method": method, **properties}
    return {"Type": kind, "Properties": {name: value for name, value in given.items() if value is not None}}


def send(tool: Tool, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """A request to a route; `Content_Type` is that header."""
    return tool.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def respond(tool: Tool, path: str, answer: object) -> Reply:
    """A request that the function responds to with `answer`."""
    return send(tool, "POST", path, json.dumps(answer).encode(), Content_Type="application/json")
