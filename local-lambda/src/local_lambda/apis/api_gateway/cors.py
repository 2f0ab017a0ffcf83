"""CORS of APIs: an HTTP API answers preflight requests and adds headers; a REST API only has methods `OPTIONS`.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html and how-to-cors.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from local_lambda.apis.api_gateway.routes import Route, Routes
from local_lambda.apis.cors import Pairs, allows, is_preflight, preflight_headers, response_headers
from local_lambda.functions.config import ApiSettings, Cors
from local_lambda.http.head import Head


class ApiCors:
    """The CORS settings of the APIs behind `routes`."""

    def __init__(self, routes: Routes, apis: Mapping[str, ApiSettings]) -> None:
        self._routes = routes
        self._cors = {api: settings.cors for api, settings in apis.items() if settings.cors is not None}

    def lets_in(self, head: Head) -> bool:
        """Whether a request of another site's page is served: the settings of its API say so."""
        route = self._route(head)
        cors = self._cors.get(route.api) if route is not None else None
        return cors is not None and allows(cors, head.header(b"origin").decode("latin-1"))

    def preflight(self, head: Head) -> tuple[int, Pairs] | None:
        """Status and headers of the response that an API gives to a request without a function; None if it has none."""
        if head.method != b"OPTIONS" or not self._cors:
            return None
        route = self._route(head)
        cors = self._cors.get(route.api) if route is not None else None
        if route is None or cors is None:
            return None
        if not route.rest:
            return (204, preflight_headers(cors, head)) if is_preflight(head) else None
        match = self._routes.find("OPTIONS", head.path.decode("latin-1"))
        if match is not None and match.route.method == "OPTIONS":
            return None
        return 200, self._mock(cors, head)

    def added(self, route: Route, head: Head) -> Pairs | None:
        """The headers that an API adds to a response in place of the function's; None if it leaves those alone."""
        cors = None if route.rest else self._cors.get(route.api)
        return None if cors is None else response_headers(cors, head)

    def _route(self, head: Head) -> Route | None:
        """The route that a request, or the one that a preflight asks about, would have."""
        path = head.path.decode("latin-1")
        method = head.header(b"access-control-request-method") if head.method == b"OPTIONS" else b""
        match = self._routes.find((method or head.method).decode("latin-1"), path)
        if match is not None:
            return match.route
        return next((route for route in self._routes.reachable(path)[0] if route.variables(path) is not None), None)

    def _mock(self, cors: Cors, head: Head) -> Pairs:
        """The headers of the method `OPTIONS` that SAM adds to each path of a REST API: the same for every caller."""
        path, methods = head.path.decode("latin-1"), cors.methods
        if methods == ("*",):
            routes, inside = self._routes.reachable(path)
            own = {route.method for route in routes if route.variables(inside) is not None}
            every = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
            methods = every if "ANY" in own else tuple(sorted({*own, "OPTIONS"}))
        headers = [
            ("Access-Control-Allow-Origin", cors.origins[0]),
            ("Access-Control-Allow-Methods", ",".join(methods)),
        ]
        if cors.headers:
            headers.append(("Access-Control-Allow-Headers", ",".join(cors.headers)))
        if cors.max_age is not None:
            headers.append(("Access-Control-Max-Age", str(cors.max_age)))
        if cors.credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return [*headers, ("Content-Type", "application/json")]
