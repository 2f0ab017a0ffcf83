"""Sends the X-Ray daemon what its event says: datagrams in which TRACE and PARENT are replaced by the ids."""

import base64
import os
import socket
import time


def handler(event, context):
    """Sends every datagram, given as Base64."""
    fields = dict(part.split("=", 1) for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for encoded in event["datagrams"]:
            data = base64.b64decode(encoded).replace(b"TRACE", fields["Root"].encode())
            data = data.replace(b"PARENT", fields["Parent"].encode()).replace(b"NOW", repr(time.time()).encode())
            sender.sendto(data[:65000], (host, int(port)))
    return len(event["datagrams"])
