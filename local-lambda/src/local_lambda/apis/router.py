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
        variable: dict[tuple[bytes, bytes], dict[bytes, Verb]] = {}
        for (method, pattern), verb in routes.items():
            prefix, brace, rest = pattern.partition("{")
            if brace:
                ends = prefix.encode(), rest.partition("}")[2].encode()
                variable.setdefault(ends, {})[method.encode()] = verb
            else:
                self._exact.setdefault(pattern.encode(), {})[method.encode()] = verb
        self._variable = [(*ends, len(ends[0]), -len(ends[1]) or None, verbs) for ends, verbs in variable.items()]

    def serve(self, exchange: Exchange) -> None:
        """Pass the request to its verb. Raises what the verb raises, and the ApiError for a request without one."""
        path, method = exchange.path, exchange.method
        verbs = self._exact.get(path)
        if verbs is not None:
            if method in verbs:
                verbs[method](exchange)
                return
            raise self._wrong_method(method)
        for prefix, suffix, start, end, verbs in self._variable:
            if path.startswith(prefix) and path.endswith(suffix):
                value = path[start:end]
                if value and b"/" not in value:
                    if method in verbs:
                        verbs[method](exchange, value)
                        return
                    raise self._wrong_method(method)
        raise self._unknown(exchange)

    def _wrong_method(self, method: bytes) -> ApiError:
        return ApiError(405, self._not_allowed, f"{method.decode('latin-1')} is not allowed on this path")
