"""Functions that attacks are aimed at, or that attack from within. They run on Python 3.8 and later."""

import base64
import os
import socket
import sys
import time


def echo(event, context):
    """The event."""
    return event


def slow(event, context):
    """The event, after so many seconds."""
    time.sleep(event["seconds"])
    return event


def large(event, context):
    """So many bytes."""
    return "x" * event["bytes"]


def pids(event, context):
    """This process, and so many children that sleep."""
    children = [os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600") for _ in range((event or {}).get("children", 0))]
    return [os.getpid(), os.getppid(), *children]


def write(event, context):
    """Writes the bytes, given as Base64, to standard output, standard error or the log descriptor."""
    descriptor = event.get("descriptor", 1)
    if descriptor == "log":
        descriptor = int(os.environ.get("_LAMBDA_TELEMETRY_LOG_FD") or event["log"])
    data = base64.b64decode(event["data"]) * event.get("times", 1)
    while data:
        data = data[os.write(descriptor, data) :]
    sys.stdout.flush()


def relay(event, context):
    """Sends each request to this environment's Runtime API, on a connection of its own; what came back, in Base64."""
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    answers = []
    for data in event["requests"]:
        with socket.create_connection((host, int(port)), event.get("seconds", 2)) as connection:
            answer = b""
            try:
                connection.sendall(base64.b64decode(data))
                connection.shutdown(socket.SHUT_WR)
                while True:
                    chunk = connection.recv(65536)
                    if not chunk:
                        break
                    answer += chunk
            except OSError as error:
                answer += b"" if isinstance(error, ConnectionError) else b"TIMEOUT"
            answers.append(base64.b64encode(answer).decode())
    return answers


def path(event, context):
    """A response with the path, for either kind of API."""
    return {"statusCode": 200, "body": event["path"] if "path" in event else event["rawPath"]}
