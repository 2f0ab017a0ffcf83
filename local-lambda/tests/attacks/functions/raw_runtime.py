"""A runtime that responds to every invocation with exactly the bytes in the variable RAW_RESPONSE (Base64)."""

import base64
import http.client
import os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    answer.read()
    path = "/2018-06-01/runtime/invocation/{}/response".format(answer.headers["Lambda-Runtime-Aws-Request-Id"])
    connection.request("POST", path, base64.b64decode(os.environ["RAW_RESPONSE"]))
    connection.getresponse().read()
