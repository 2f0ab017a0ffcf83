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
    """Sends each request to this environment's Runtime API, on a new connection; returns what came back, in Base64."""
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


def murder(event, context):
    """Kills the process that started this one, when told so, and would live on."""
    if event["kill"]:
        os.kill(os.getppid(), 9)
        time.sleep(5)


def bury(event, context):
    """Makes so many folders in `/tmp`, each in the one before."""
    os.chdir("/tmp")
    for _ in range(event["depth"]):
        os.mkdir("folder")
        os.chdir("folder")
    os.chdir("/")


def claim(event, context):
    """Writes the head of a log record that claims 4 GB, then so many bytes of it."""
    descriptor = log_descriptor()
    os.write(descriptor, b"\xa5\x5a\x00\x03\xff\xff\xff\xff" + b"\0" * 8)
    left = event["bytes"]
    while left > 0:
        left -= os.write(descriptor, b"x" * min(left, 65536))


def log_descriptor():
    """The pipe for log records: the only one above standard error that can be written to."""
    import fcntl
    import stat

    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        if int(name) > 2:
            try:
                mode = os.fstat(int(name)).st_mode
                flags = fcntl.fcntl(int(name), fcntl.F_GETFL)
            except OSError:
                continue
            if stat.S_ISFIFO(mode) and flags & os.O_ACCMODE == os.O_WRONLY:
                return int(name)
    raise LookupError("no pipe for log records")


def where(event, context):
    """What this environment is: its processes, its port, where its code is and what is in there."""
    time.sleep((event or {}).get("seconds", 0))
    return {
        "pid": os.getpid(),
        "api": os.environ["AWS_LAMBDA_RUNTIME_API"],
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "files": sorted(os.listdir(os.environ["LAMBDA_TASK_ROOT"])),
    }
