"""Which route of an API a path takes, and what its variables hold: tables.

Sources: the order of HTTP API routes is that of
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html. Slashes and percent-encoding
of REST APIs were captured for
https://github.com/localstack/localstack/blob/main/tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json
(test_lambda_aws_proxy_integration), encoding of both kinds for the snapshots V1_UnicodeCharactersInPath and
V2_SpecialCharactersInPath in https://github.com/aws/aws-lambda-dotnet/tree/master/Tools/LambdaTestTool-v2. Where a
request goes when the most specific resource lacks the method was measured on AWS in
https://github.com/ministackorg/ministack/pull/1423 and https://github.com/floci-io/floci/pull/3399.
"""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.apis.api_gateway.routes import Route, Routes
from local_lambda.functions.config import ApiRoute

NOWHERE: Any = None
"""The pool of functions that are never called."""


def api(rest: bool, *written: str, name: str = "Api") -> list[Route]:
    """Routes of one API, each written as method and path; `$default` has no method."""
    pairs = [text.partition(" ")[::2] if " " in text else ("ANY", text) for text in written]
    version = "1.0" if rest else "2.0"
    return [Route(ApiRoute(method, path, version, rest, name), NOWHERE) for method, path in pairs]


def find(routes: list[Route], request: str) -> tuple[str, dict[str, str]] | None:
    """The route and the variables of a request, written as method and path."""
    method, _, path = request.partition(" ")
    match = Routes(routes).find(method, path)
    return None if match is None else (str(match.route), dict(match.variables))


BOTH = [
    ("GET /users/{user-id}", "GET /users/7", {"user-id": "7"}),
    ("GET /{a.b}/{c:d}/{_e}", "GET /1/2/3", {"a.b": "1", "c:d": "2", "_e": "3"}),
    ("GET /orders/{id}", "GET /orders", None),
    ("GET /orders/{id}", "GET /orders/", None),
    ("GET /orders/{id}", "GET /orders/1/2", None),
    ("GET /files/{path+}", "GET /files/a/b", {"path": "a/b"}),
    ("GET /files/{path+}", "GET /files", None),
    ("GET /files/{path+}", "GET /files/", None),
    ("ANY /{proxy+}", "PATCH /x", {"proxy": "x"}),
    ("GET /{proxy+}", "GET /", None),
    ("GET /", "GET /", {}),
    ("GET /café", "GET /caf%C3%A9", {}),
    ("GET /orders.json", "GET /ordersXjson", None),
    ("POST /orders", "GET /orders", None),
]


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize(("route", "request_line", "variables"), BOTH)
def test_route_is_found_when_its_segments_fit(
    rest: bool, route: str, request_line: str, variables: dict[str, str] | None
) -> None:
    """A variable is one segment, a greedy one all that are left, at least one."""
    assert find(api(rest, route), request_line) == (None if variables is None else (route, variables))


REST = [
    ("GET /orders", "GET /orders/", {}),
    ("GET /orders/", "GET /orders", {}),
    ("GET /hardcoded", "GET //hardcoded", {}),
    ("GET /{proxy+}", "GET /test-path/", {"proxy": "test-path"}),
    ("GET /{proxy+}", "GET //proxy-value", {"proxy": "proxy-value"}),
    ("GET /{proxy+}", "GET /proxy-value//double-slash", {"proxy": "proxy-value//double-slash"}),
    ("GET /user/{email}", "GET /user/test%2Balias@gmail.com", {"email": "test%2Balias@gmail.com"}),
    ("GET /{a}/{b}", "GET /%E2%98%95%20Coffee/a%2Fb", {"a": "%E2%98%95%20Coffee", "b": "a%2Fb"}),
]
HTTP = [
    ("GET /orders", "GET /orders/", None),
    ("GET /orders/", "GET /orders", None),
    ("GET /{proxy+}", "GET ///test-path-prepended", {"proxy": "//test-path-prepended"}),
    ("GET /user/{email}", "GET /user/test%2Balias@gmail.com", {"email": "test+alias@gmail.com"}),
    ("GET /{a}/{b}", "GET /%E2%98%95%20Coffee/a%2Fb", {"a": "☕ Coffee", "b": "a/b"}),
    ("GET /{a}", "GET /100%2525", {"a": "100%25"}),
    ("$default", "DELETE /any/thing", {}),
]


@pytest.mark.parametrize(
    ("rest", "route", "request_line", "variables"), [(True, *each) for each in REST] + [(False, *each) for each in HTTP]
)
def test_path_is_read_as_the_kind_of_api_reads_it(
    rest: bool, route: str, request_line: str, variables: dict[str, str] | None
) -> None:
    """REST APIs ignore slashes around a path and leave it encoded; HTTP APIs do neither."""
    assert find(api(rest, route), request_line) == (None if variables is None else (route, variables))


@pytest.mark.parametrize(
    ("request_line", "route"),
    [
        ("GET /orders/fixed", "GET /orders/fixed"),
        ("POST /orders/fixed", "ANY /orders/fixed"),
        ("GET /orders/1", "GET /orders/{id}"),
        ("GET /orders/1/items", "GET /orders/{id}/{rest+}"),
        ("GET /orders/fixed/items", "GET /orders/{path+}"),
        ("PUT /orders/1/items", "ANY /{proxy+}"),
        ("GET /files/1", "ANY /{proxy+}"),
        ("GET /", "$default"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_route_is_the_most_specific_one_in_whatever_order_they_are_written(
    request_line: str, route: str, backwards: bool
) -> None:
    """Text goes before variables, variables before greedy ones, a longer greedy route before a shorter, ANY last."""
    written = [
        "$default",
        "ANY /{proxy+}",
        "GET /orders/{id}/{rest+}",
        "GET /orders/{id}",
        "ANY /orders/fixed",
        "GET /orders/fixed",
    ]
    if route == "GET /orders/{path+}":
        written[2] = route
    found = find(api(False, *(reversed(written) if backwards else written)), request_line)
    assert found is not None
    assert found[0] == route


@pytest.mark.parametrize(
    ("request_line", "route"),
    [
        ("GET /users/me", "GET /users/{userId}"),
        ("PATCH /users/me", "PATCH /users/me"),
        ("POST /users/me", "ANY /{proxy+}"),
        ("GET /jobs/reboot", "GET /jobs/{operation_type}"),
        ("POST /jobs/reboot", "ANY /{proxy+}"),
        ("GET /jobs", "ANY /{proxy+}"),
        ("GET /cors_only", "ANY /{proxy+}"),
    ],
)
def test_less_specific_route_is_taken_when_the_other_lacks_the_method(request_line: str, route: str) -> None:
    """A REST API looks for path and method together, all the way down to the greedy routes."""
    written = ("/users/{userId}", "/jobs/{operation_type}")
    routes = api(True, *(f"GET {path}" for path in written), "PATCH /users/me", "OPTIONS /cors_only", "ANY /{proxy+}")
    found = find(routes, request_line)
    assert found is not None
    assert found[0] == route


def test_route_is_decided_in_one_pass_when_paths_are_full_of_variables() -> None:
    """A pattern with many variables that goes back and forth would not end in the lifetime of a test."""
    routes = api(False, *("GET /" + "{v}/" * number + "end/{rest+}" for number in range(200)))
    assert find(routes, "GET /" + "x/" * 30_000) is None
    assert find(routes, "GET /" + "x/" * 199 + "end/x") == (
        "GET /" + "{v}/" * 199 + "end/{rest+}",
        {"v": "x", "rest": "x"},
    )


def test_apis_have_their_own_routes_when_two_have_the_same_path() -> None:
    """Each is found below its prefix; without one the API that comes first in the template answers."""
    routes = Routes([*api(True, "GET /a", "GET /rest", name="Rest"), *api(False, "GET /a", "$default", name="Http")])

    def api_of(path: str) -> str | None:
        match = routes.find("GET", path)
        return match and match.route.api

    assert [api_of(path) for path in ("/a", "/rest", "/else")] == ["Rest", "Rest", "Http"]
    assert [api_of(f"/_apis/Rest{path}") for path in ("/a", "/rest", "/else")] == ["Rest", "Rest", None]
    assert [api_of(f"/_apis/Http{path}") for path in ("/a", "/rest", "/else")] == ["Http"] * 3
    assert api_of("/_apis/Nobody/a") is None
