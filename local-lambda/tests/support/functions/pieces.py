"""A runtime that streams an HTTP response, piece by piece, as the event's query asks for."""

import json
import os
from http.client import HTTPConnection


def pieces(query):
    """The prelude, if there is one, and two pieces."""
    if query.get("prelude"):
        yield b"{" * 70_000 if query["prelude"] == "long" else query["prelude"].encode() + bytes(8)
    yield b"first "
    if query.get("die"):
        os._exit(1)
    if query.get("gate"):
        with open(query["gate"]) as gate:
            gate.readline()
    yield b"second"


api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    asked = api.getresponse()
    event, request_id = json.load(asked), asked.headers["Lambda-Runtime-Aws-Request-Id"]
    query = event.get("queryStringParameters", {})
    kind = "application/vnd.awslambda.http-integration-response" if query.get("prelude") else "text/x-pieces"
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": kind}
    api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", pieces(query), headers)
    api.getresponse().read()
