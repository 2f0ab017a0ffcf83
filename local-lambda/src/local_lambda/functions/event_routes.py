"""What the `Api` and `HttpApi` events of functions mean for APIs of the template that have their own definition.

AWS SAM (samtranslator/model/eventsources/push.py, 1.115.0) adds the route of an event only to a definition that it
writes itself, to one with `MergeDefinitions`, and to the `DefinitionBody` of an HTTP API that does not have the route.
Any other event only permits the API to call the function, and the route of the definition counts, with its authorizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_lambda.functions.api_definitions import DOCUMENTS, Definitions, Key
from local_lambda.functions.config import ApiRoute
from local_lambda.functions.routes import IMPLICIT_API, EventRoute

Routes = dict[str, tuple[ApiRoute, ...]]
"""By the logical ids of their functions."""


def join(events: Routes, definitions: Definitions, resources: Mapping[str, Any]) -> tuple[Routes, list[str]]:
    """The routes that `events` and `definitions` have together, and remarks on those that are not served."""
    joining = _Joining(definitions, resources)
    kept = {function: tuple(joining.kept(function, routes)) for function, routes in events.items()}
    for function, route in (each for same in joining.defined.values() for each in same):
        kept[function] = (*kept[function], route)
    return kept, joining.remarks()


class _Joining:
    """`defined` has the functions and routes of each key in the definitions, as the events change them."""

    def __init__(self, definitions: Definitions, resources: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._resources = resources
        self._said: list[str] = []
        self._replaced: set[str] = set()
        self.defined: dict[Key, list[tuple[str, ApiRoute]]] = {}
        for function, routes in definitions.routes.items():
            for route in routes:
                self.defined.setdefault(_key(route), []).append((function, route))

    def kept(self, function: str, routes: tuple[ApiRoute, ...]) -> list[ApiRoute]:
        """The routes of the function's events that AWS would have, too."""
        return [kept for route in routes for kept in [self._kept(function, route)] if kept is not None]

    def remarks(self) -> list[str]:
        """Those of the definitions, without what an event serves after all, and those on events."""
        said = [
            each for each in self._definitions.remarks if each.partition(" is not served: ")[0] not in self._replaced
        ]
        return said + list(dict.fromkeys(self._said))

    def _kept(self, function: str, route: ApiRoute) -> ApiRoute | None:
        api, known = route.api, self._definitions
        resource = self._resources.get(api)
        if resource is None and api in IMPLICIT_API.values():
            return route
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind not in DOCUMENTS or DOCUMENTS[kind][2] != route.rest:
            name, what = ("RestApiId", "a REST API") if route.rest else ("ApiId", "an HTTP API")
            self._drop(function, route, f"its {name} is not a reference to {what} of this template")
            return None
        key = _key(route)
        if api in known.unread and key not in known.operations:
            self._said.append(f"{api}: only the routes of its events are served, without its definition's authorizers")
            return route
        serverless = kind.startswith("AWS::Serverless::")
        if serverless and api not in known.schemes:  # AWS SAM writes the definition
            return route
        values = resource["Properties"] if resource is not None and serverless else {}
        merges = route.rest and values.get("MergeDefinitions") in (True, "true")
        adds = not route.rest and values.get("DefinitionBody") is not None
        operation = known.operations.get(key)
        if merges and (key not in known.operations or operation is not None):
            self.defined.pop(key, None)
        elif not adds or (key in known.operations and (operation is None or operation.integrated)):
            if not self._covers(key):
                why = f"{api} does not define it, and for AWS SAM the event is only a permission; add it to {api}"
                self._drop(function, route, why)
            self._change(key, route, adds)
            return None
        self._replaced.add(f"{route.method} {route.path} of {api}")
        authorizer = route.authorizer
        if operation is not None and (authorizer is None or (adds and authorizer == "NONE")):
            authorizer = operation.authorizer or authorizer  # NONE follows in a list, and does not replace it
        return route._replace(authorizer=authorizer or known.security.get(api))

    def _covers(self, key: Key) -> bool:
        """Whether the API has the route, perhaps for a different set of methods."""
        api, method, path = key
        return any(
            (api, path) == (each[0], each[2]) and (method == each[1] or "ANY" in (method, each[1]))
            for each in self._definitions.operations
        )

    def _change(self, key: Key, event: ApiRoute, adds: bool) -> None:
        """Give the routes of a definition what the event says of authorizer and payload format, where SAM does."""
        if key in self.defined and isinstance(event, EventRoute):
            self.defined[key] = [(function, _changed(route, event, adds)) for function, route in self.defined[key]]

    def _drop(self, function: str, route: ApiRoute, why: str) -> None:
        self._said.append(f"{route.method} {route.path} of {function} is not served: {why}")


def _key(route: ApiRoute) -> Key:
    """A REST API ignores a slash at the end of a path."""
    return route.api, route.method, (route.path.rstrip("/") or "/") if route.rest else route.path


def _changed(route: ApiRoute, event: EventRoute, adds: bool) -> ApiRoute:
    if adds and event.payload_format_given:
        route = route._replace(payload_format=event.payload_format)
    if (adds or event.overrides) and (route.authorizer is None or event.authorizer not in (None, "NONE")):
        route = route._replace(authorizer=event.authorizer)
    return route
