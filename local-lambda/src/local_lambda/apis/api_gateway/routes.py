"""The routes of a template's functions, by API, and the choice of the route for a request. Nothing is sent here.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html and, for REST APIs,
captured responses of the service (the tests have them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from local_lambda.errors import UsageError
from local_lambda.functions.config import ApiRoute
from local_lambda.service.pool import EnvironmentPool

API_PREFIX = "/_apis/"
"""Prefix of a path that selects an API: `/_apis/<API>/orders` is the path `/orders` of that API."""


class Route:
    """A route and its function. `template` is the path as written, such as `/orders/{id}`."""

    def __init__(self, definition: ApiRoute, pool: EnvironmentPool) -> None:
        self.method, self.template, self.payload_format, self.rest, self.api, self.authorizer = definition
        self.pool = pool
        self._default = self.template == "$default"
        self._segments = self._split(self.template)

    def __str__(self) -> str:
        return self.template if self._default else f"{self.method} {self.template}"

    @property
    def rank(self) -> tuple[bool, tuple[int, ...], bool]:
        """The sort key, best match first: text, variable, greedy variable, compared by segment; `$default` is last."""
        kinds = tuple(2 if segment.endswith("+}") else int(segment.startswith("{")) for segment in self._segments)
        return self._default, kinds, self.method == "ANY"

    def variables(self, path: str) -> dict[str, str] | None:
        """The values of the variables in a path as it was sent; None if the path does not match this route.

        REST APIs leave percent-encoding in the values, HTTP APIs decode them.
        """
        if self._default:
            return {}
        found: dict[str, str] = {}
        parts = self._split(path)
        for number, segment in enumerate(self._segments):
            if segment.endswith("+}"):
                rest = "/".join(parts[number:])
                return {**found, segment[1:-2]: self._value(rest)} if rest else None
            part = parts[number] if number < len(parts) else ""
            if segment.startswith("{"):
                if not part:
                    return None
                found[segment[1:-1]] = self._value(part)
            elif segment not in (part, unquote(part)):
                return None
        return found if len(parts) == len(self._segments) else None

    def _split(self, path: str) -> list[str]:
        """The segments of a path; REST APIs ignore slashes at its ends."""
        return (path.strip("/") if self.rest else path[1:]).split("/")

    def _value(self, text: str) -> str:
        return text if self.rest else unquote(text)


class Match(NamedTuple):
    """A route, the path that it matches (within its API, as sent), and the values of the path's variables."""

    route: Route
    path: str
    variables: Mapping[str, str]


class Routes:
    """All routes of a template. `apis` has the routes of each API, best match first; APIs are in template order."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.apis: dict[str, list[Route]] = {}
        for route in routes:
            self.apis.setdefault(route.api, []).append(route)
        for each in self.apis.values():
            each.sort(key=lambda route: route.rank)
        self._all = sorted((route for each in self.apis.values() for route in each), key=lambda route: route.rank)

    def __str__(self) -> str:
        return ", ".join(map(str, self._all))

    def reachable(self, path: str) -> tuple[list[Route], str]:
        """The candidate routes for a path, best match first, and the path within their API."""
        if not path.startswith(API_PREFIX):
            return self._all, path
        api, _, rest = path[len(API_PREFIX) :].partition("/")
        return self.apis.get(unquote(api), []), f"/{rest}"

    def find(self, method: str, path: str) -> Match | None:
        """The route for a request. `path` is as it was sent."""
        routes, path = self.reachable(path)
        for route in routes:
            if route.method in (method, "ANY"):
                variables = route.variables(path)
                if variables is not None:
                    return Match(route, path, variables)
        return None

    def describe(self, address: str) -> Iterator[str]:
        """A line for each route and, if there are several APIs, for each API and its address."""
        taken: set[str] = set()
        for api, routes in self.apis.items():
            prefix = f"http://{address}{API_PREFIX}{quote(api, safe='')}"
            if len(self.apis) > 1:
                yield f"{'REST' if routes[0].rest else 'HTTP'} API {api} on {prefix}"
            for route in routes:
                only = f", only below {prefix}" if str(route) in taken else ""
                yield f"route {route} of {route.pool.function.name}{only}"
            taken.update(map(str, routes))


def read_routes(pools: Iterable[EnvironmentPool]) -> Routes:
    """The routes of the functions. Raises UsageError if two functions have the same route in the same API."""
    routes = [Route(each, pool) for pool in pools for each in pool.function.routes]
    owners: dict[tuple[str, str], str] = {}
    for route in routes:
        name = route.pool.function.name
        owner = owners.setdefault((route.api, str(route)), name)
        if owner != name:
            raise UsageError(f"{owner} and {name} have the same route, {route}; change one of them")
    return Routes(routes)
