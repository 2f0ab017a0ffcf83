"""A function that sends what its event says to its Runtime API, as runtime and as an internal extension."""

import base64
import json
import os
import socket
import sys

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
REGISTER = (
    b"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: 127.0.0.1\r\nLambda-Extension-Name: insider\r\n"
    b'Content-Length: 14\r\n\r\n{"events": []}'
)


def exchange(data, seconds=5):
    """The part of a response that has arrived at once."""
    with socket.create_connection((HOST, int(PORT)), seconds) as connection:
        try:
            connection.sendall(data)
            return connection.recv(65536)
        except OSError as error:
            return repr(error).encode()


def identifier():
    """The identifier this process has as an extension."""
    head = exchange(REGISTER).decode("latin-1").lower()
    return head.partition("lambda-extension-identifier: ")[2].partition("\r\n")[0]


def attack(requests, request_id=""):
    """Sends the requests and returns the first line of each response."""
    for number, encoded in enumerate(requests):
        data = base64.b64decode(encoded)
        data = data.replace(b"IDENTIFIER", IDENTIFIER.encode(), 1).replace(b"REQUEST", request_id.encode(), 1)
        answer = exchange(data).partition(b"\r\n")[0].decode("latin-1")
        sys.stderr.write("answer {}: {}\n".format(number, answer))
        sys.stderr.flush()


IDENTIFIER = identifier()
if os.path.exists("requests.json"):  # what can only be asked for in Init
    with open("requests.json") as file:
        attack(json.load(file))
NEXT = socket.create_connection((HOST, int(PORT)))
NEXT.sendall(
    b"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Lambda-Extension-Identifier: " + IDENTIFIER.encode() + b"\r\n\r\n"
)


def handler(event, context):
    """Attacks as the event says."""
    attack(event["requests"], context.aws_request_id)
    return []
