"""The work, the same for every kind of caller. It knows nothing about Lambda, so a test calls it like any function."""

import os
import sys
from typing import Any, Dict


class InvalidRequest(ValueError):
    """The request is wrong; the message tells the caller what to change."""


class SimpleException(Exception):
    """The error a caller asks for with `throwError`."""


def process_request(request: Any) -> Dict[str, str]:
    """Greet; raise InvalidRequest or SimpleException."""
    check_request(request)
    if request.get("throwError"):
        raise SimpleException("Sorry, but the caller wants me to throw an error")
    python = f"Python{sys.version_info.major}.{sys.version_info.minor}"
    package_manager = os.environ.get("PACKAGE_MANAGEMENT_SYSTEM", "pip")
    name = f"{request['firstName']} {request['lastName']}"
    return {
        "greeting": f"Hello {name}, this is a {python} AWS Lambda function developed using {package_manager}!",
        "result": f"Your age in hexadecimal is {request['age']:#x}",
    }


def check_request(request: Any) -> None:
    """Raise InvalidRequest that lists everything wrong, so that the caller has to come back only once."""
    if not isinstance(request, dict):
        raise InvalidRequest("The request must be a JSON object")
    problems = [f"{name} is missing" for name in ("firstName", "lastName", "age") if name not in request]
    for name in ("firstName", "lastName"):
        if name in request and not (isinstance(request[name], str) and request[name].strip()):
            problems.append(f"{name} must be a string that is not empty")
    # JSON's true and false arrive as bool, which is a kind of int: hence type() and not isinstance().
    if "age" in request and not (type(request["age"]) is int and request["age"] >= 0):
        problems.append("age must be a whole number, 0 or more")
    for name in ("throwError", "publicIp"):
        if not isinstance(request.get(name, False), bool):
            problems.append(f"{name} must be true or false")
    if problems:
        raise InvalidRequest("; ".join(problems))
