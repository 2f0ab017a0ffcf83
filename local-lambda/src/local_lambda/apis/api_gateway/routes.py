"""The routes of a template's functions: which one a request takes. Nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from local_lambda.errors import UsageError
from local_lambda.functions.config import ApiRoute
from local_lambda.service.pool import EnvironmentPool


@dataclass(frozen=True)
class Route:
    """A route and the function behind it. `template` is the path as written, such as `/orders/{id}`."""

    method: str
    template: str
    payload_format: str
    rest: bool
    pool: EnvironmentPool
    pattern: re.Pattern[str]

    def __str__(self) -> str:
        return self.template if self.template == "$default" else f"{self.method} {self.template}"

    @property
    def rank(self) -> tuple[bool, bool, int, bool]:
        """The best match is the smallest: whole paths, then variables, then greedy ones, then `$default`; ANY last."""
        return (
            self.template == "$default",
            "+}" in self.template,
            self.template.count("{"),
            self.method == "ANY",
        )


def read_routes(pools: Iterable[EnvironmentPool]) -> list[Route]:
    """All routes of the functions, best match first. Raises UsageError when two functions have the same one."""
    routes = [_route(each, pool) for pool in pools for each in pool.function.routes]
    owners: dict[str, str] = {}
    for route in routes:
        name = route.pool.function.name
        if owners.setdefault(str(route), name) != name:
            raise UsageError(f"{owners[str(route)]} and {name} have the same route, {route}; change one of them")
    return sorted(routes, key=lambda route: route.rank)


def _route(route: ApiRoute, pool: EnvironmentPool) -> Route:
    pattern = ".*"
    if route.path != "$default":
        parts = re.split(r"\{(\w+\+?)\}", route.path)
        names = (f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)" for name in parts[1::2])
        pattern = "".join(re.escape(text) + next(names, "") for text in parts[::2])
    return Route(route.method, route.path, route.payload_format, route.rest, pool, re.compile(pattern))
