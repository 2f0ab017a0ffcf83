"""An internal extension that subscribes to telemetry and answers its deliveries as the variable ANSWER says."""

import http.client
import json
import os
import socket
import sys
import threading

ANSWERS = {
    "garbage": lambda send: send(b"\x00\xff\x16\x03\x01 no HTTP\r\n\r\n"),
    "endless head": lambda send: [send(b"HTTP/1.1 200 OK\r\n")] + [send(b"x: " + b"a" * 65000) for _ in range(400)],
    "endless header name": lambda send: [send(b"HTTP/1.1 200 OK\r\n")] + [send(b"a" * 65000) for _ in range(400)],
    "endless body": lambda send: [send(b"HTTP/1.1 200 OK\r\n\r\n")] + [send(b"a" * 65000) for _ in range(400)],
    "endless interim": lambda send: [send(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000) for _ in range(400)],
    "large length": lambda send: send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx"),
    "negative length": lambda send: send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "chunks without end": lambda send: send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx"),
    "status of letters": lambda send: send(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    "status of 5,000 digits": lambda send: send(b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\nContent-Length: 0\r\n\r\n"),
    "upgrade": lambda send: send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "redirect": lambda send: send(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"),
    "two answers": lambda send: send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 2),
    "the end": lambda send: None,
}


def serve(listener, answer):
    """Read a little of each delivery and answer."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=respond, args=(connection, answer), daemon=True).start()


def respond(connection, answer):
    """One delivery."""
    try:
        with connection:
            connection.recv(100)
            answer(connection.sendall)
    except OSError:
        pass


def call(method, path, body, **headers):
    """A request to the Runtime API; its headers."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body and json.dumps(body), names)
    if method != "GET":
        answer = connection.getresponse()
        answer.read()
        return answer.headers
    return connection


listener = socket.create_server(("0.0.0.0", 0))
threading.Thread(target=serve, args=(listener, ANSWERS[os.environ["ANSWER"]]), daemon=True).start()
path = "/2020-01-01/extension/"
registered = call("POST", path + "register", {"events": []}, Lambda_Extension_Name="listening")
identifier = registered["Lambda-Extension-Identifier"]
subscription = {
    "schemaVersion": "2022-07-01",
    "types": ["platform", "function"],
    "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:{}".format(listener.getsockname()[1])},
}
call("PUT", "/2022-07-01/telemetry", subscription, Lambda_Extension_Identifier=identifier)
waiting = call("GET", path + "event/next", None, Lambda_Extension_Identifier=identifier)


def handler(event, context):
    """Something to deliver."""
    print("x" * 1000)
    sys.stdout.flush()
    return event
