"""The routes of one function: reads the `Api` and `HttpApi` events among its `Events` and checks their paths.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-api.html
and sam-property-function-httpapi.html. The API of a route matters because each API has its own routes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from local_lambda.functions.config import ApiRoute
from local_lambda.functions.intrinsics import is_intrinsic
from local_lambda.functions.properties import CannotRun, Properties

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY")
IMPLICIT_API = {"Api": "ServerlessRestApi", "HttpApi": "ServerlessHttpApi"}
"""The logical ids of the APIs that SAM adds for events that do not name an API."""

_MOST_SHOWN = 100
"""Maximum number of characters of a path that a message repeats."""

_API_PROPERTY = {"Api": "RestApiId", "HttpApi": "ApiId"}
_REST_TEXT = re.compile(r"[a-zA-Z0-9_.:-]+").fullmatch
_VARIABLE = re.compile(r"\{([a-zA-Z_.:-][a-zA-Z0-9_.:-]*)(\+?)\}").fullmatch


class EventRoute(ApiRoute):
    """The route of an event, and whether it says what changes the same route in the API's definition.

    `overrides` is its `OverrideApiAuth`.
    """

    overrides = False
    payload_format_given = False


def read_routes(properties: Properties) -> tuple[ApiRoute, ...]:
    """The routes of a function with these properties. Raises UsageError for one that API Gateway would reject."""
    events = properties.inside("Events")
    routes: list[ApiRoute] = []
    for name, written in events.values.items():
        if is_intrinsic(written):
            what = "has no Type; AWS SAM refuses an intrinsic function in place of an event, so write the event out"
            raise events.wrong(name, what)
        event = events.inside(name)
        kind = event.values.get("Type")
        if kind in IMPLICIT_API:
            routes.append(_route(event.inside("Properties"), kind))
    return tuple(routes)


def _route(route: Properties, kind: str) -> ApiRoute:
    path, method = route.string("Path"), route.string("Method")
    if kind == "Api" and (path is None or method is None):
        raise route.wrong("Path" if path is None else "Method", "is missing; an Api event needs Path and Method")
    method = (method or "ANY").upper()
    if method not in METHODS:
        raise route.wrong("Method", f"{_shown(method)} is unknown; use {', '.join(METHODS[:-1])} or {METHODS[-1]}")
    path = path or "$default"
    if path != "$default" or kind == "Api":
        mistake = check_path(path, kind == "Api")
        if mistake:
            raise route.wrong("Path", f"{_shown(path)} {mistake}")
    version = route.one_of("PayloadFormatVersion", ("1.0", "2.0"), "2.0") if kind == "HttpApi" else "1.0"
    auth = route.inside("Auth")
    read = EventRoute(method, path, version, kind == "Api", _api(route, kind), auth.string("Authorizer"))
    read.overrides = auth.one_of("OverrideApiAuth", ("true", "false"), "false") == "true"
    read.payload_format_given = kind == "HttpApi" and route.any("PayloadFormatVersion") is not None
    return read


def check_path(path: str, rest: bool) -> str | None:
    """What is wrong with a path of a REST or an HTTP API, and what to do about it; None if it is valid."""
    may_be_text: Callable[[str], object] = _REST_TEXT if rest else str.isprintable
    if not path.startswith("/"):
        return "does not start with a slash; write it as in /orders"
    variables: set[str] = set()
    segments = path[1:].split("/")
    for number, segment in enumerate(segments, 1):
        if "{" not in segment and "}" not in segment:
            if segment and not may_be_text(segment):
                return f"has the segment {_shown(segment)}; use letters, digits and . _ : - only"
            continue
        variable = _VARIABLE(segment)
        if variable is None:
            return (
                f"has the segment {_shown(segment)}; write a variable as a whole segment, such as {{id}} or {{path+}}:"
                " letters, digits and . _ : - in braces, not starting with a digit"
            )
        name, greedy = variable.groups()
        if name in variables:
            return f"has the variable {name} twice; rename one of them"
        if greedy and number < len(segments):
            return f"continues after the greedy variable {segment}; make it the last segment"
        variables.add(name)
    return None


def _shown(text: str) -> str:
    """A part of the template for use in a message: on one line, and shortened."""
    quoted = f"'{text}'" if text.isprintable() else json.dumps(text)
    return quoted if len(text) <= _MOST_SHOWN else f"{quoted[:_MOST_SHOWN]}..."


def _api(route: Properties, kind: str) -> str:
    """The logical id of the route's API, or its id if that comes from a parameter."""
    name = _API_PROPERTY[kind]
    given = route.values.get(name)
    if given is None:
        return IMPLICIT_API[kind]
    try:
        return route.string(name) or IMPLICIT_API[kind]
    except CannotRun:  # a resource of the template, or an API that only AWS knows
        reference = given.get("Ref") if isinstance(given, dict) else None
        return reference if isinstance(reference, str) else f"Imported{kind}"
