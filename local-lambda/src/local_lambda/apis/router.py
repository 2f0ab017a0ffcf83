"""Finds the verb for a request: one table of methods and paths per port, and one refusal of a wrong method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local_lambda.errors import ApiError
from local_lambda.http.exchange import Exchange

Verb = Callable[..., None]
"""Gets the exchange, and the percent-encoded part of the path that is in braces in its pattern."""
Routes = Mapping[tuple[str, str], Verb]
"""Maps method and path pattern to a verb. A pattern has at most one variable part, `{name}`, which is one segment."""


class Router:
    """The application that looks up the verb. `unknown` creates the error for a path that is not in the table."""

    def __init__(
        self, routes: Routes, unknown: Callable[[Exchange], ApiError], not_allowed: str = "MethodNotAllowed"
    ) -> None:
        self._unknown = unknown
        self._not_allowed = not_allowed
        self._exact: dict[bytes, dict[bytes, Verb]] = {}
        self._variable: dict[tuple[bytes, bytes], dict[bytes, Verb]] = {}
        for (method, pattern), verb in routes.items():
            prefix, brace, rest = pattern.partition("{")
            if brace:
                ends = prefix.encode(), rest.partition("}")[2].encode()
                self._variable.setdefault(ends, {})[method.encode()] = verb
            else:
                self._exact.setdefault(pattern.encode(), {})[method.encode()] = verb

    def __call__(self, exchange: Exchange) -> None:
        path = exchange.path
        verbs = self._exact.get(path)
        if verbs is not None:
            self._verb(verbs, exchange)(exchange)
            return
        for (prefix, suffix), verbs in self._variable.items():
            if path.startswith(prefix) and path.endswith(suffix):
                value = path[len(prefix) : len(path) - len(suffix)]
                if value and b"/" not in value:
                    self._verb(verbs, exchange)(exchange, value)
                    return
        raise self._unknown(exchange)

    def _verb(self, verbs: Mapping[bytes, Verb], exchange: Exchange) -> Verb:
        verb = verbs.get(exchange.method)
        if verb is None:
            method = exchange.method.decode("latin-1")
            raise ApiError(405, self._not_allowed, f"{method} is not allowed on this path")
        return verb
