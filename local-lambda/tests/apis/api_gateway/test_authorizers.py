"""Lambda authorizers in front of routes: what they are asked, and what becomes of each of their decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import MakeProject
from support.api_gateway import CODE, send
from support.tool import Project, Reply, Tool

AUTHORIZER = """
import json

def authorize(event, context):
    print("asked", json.dumps(event), flush=True)
    token = event.get("authorizationToken") or ",".join(event["headers"].get(name, "") for name in ("x-user", "X-User"))
    token = token.strip(",")
    if token == "nobody":
        raise Exception("Unauthorized")
    if token == "broken":
        raise ValueError("no")
    if token == "odd":
        return ["not an object"]
    if token.startswith("{"):
        return json.loads(token)
    arn = event.get("methodArn") or event.get("routeArn")
    if token == "get":
        arn = "/".join(arn.split("/")[:2]) + "/GET/*"
    effect = "Deny" if token == "denied" else "Allow"
    if token == "simple" or token == "refused":
        return {"isAuthorized": token == "simple", "context": {"who": token, "n": 1}}
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    return {"principalId": token, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"who": token, "n": 1, "yes": True}}
"""
ARN = {"Fn::GetAtt": ["Authorize", "Arn"]}
APIS: dict[str, Any] = {
    "Tokens": {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "StageName": "Prod",
            "Auth": {
                "DefaultAuthorizer": "Token",
                "Authorizers": {
                    "Token": {
                        "FunctionArn": ARN,
                        "Identity": {"ValidationExpression": "^[a-z]", "ReauthorizeEvery": 60},
                    },
                    "Request": {
                        "FunctionArn": ARN,
                        "FunctionPayloadType": "REQUEST",
                        "Identity": {"Headers": ["X-User"], "QueryStrings": ["q"], "ReauthorizeEvery": 0},
                    },
                    "Pool": {"UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/x"},
                },
            },
        },
    },
    "Simple": {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {
            "Auth": {
                "DefaultAuthorizer": "Easy",
                "Authorizers": {
                    "Easy": {
                        "FunctionArn": ARN,
                        "AuthorizerPayloadFormatVersion": "2.0",
                        "EnableSimpleResponses": True,
                        "Identity": {"Headers": ["x-user"]},
                    },
                    "Policy": {
                        "FunctionArn": ARN,
                        "AuthorizerPayloadFormatVersion": "1.0",
                        "Identity": {"Headers": ["x-user"]},
                    },
                    "Web": {"JwtConfiguration": {"issuer": "https://x.example"}},
                },
            },
        },
    },
}


def route(kind: str, api: str, path: str, authorizer: str | None = None) -> dict[str, Any]:
    """A route with an authorizer."""
    name = "RestApiId" if kind == "Api" else "ApiId"
    properties: dict[str, Any] = {"Path": path, "Method": "any", name: {"Ref": api}}
    if authorizer is not None:
        properties["Auth"] = {"Authorizer": authorizer}
    return {"Type": kind, "Properties": properties}


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """An API of each kind, with every kind of authorizer."""
    events = {
        "Token": route("Api", "Tokens", "/token"),
        "Token2": route("Api", "Tokens", "/token/{proxy+}"),
        "Request": route("Api", "Tokens", "/request", "Request"),
        "Open": route("Api", "Tokens", "/open", "NONE"),
        "Pool": route("Api", "Tokens", "/pool", "Pool"),
        "Easy": route("HttpApi", "Simple", "/easy"),
        "Policy": route("HttpApi", "Simple", "/policy", "Policy"),
        "Web": route("HttpApi", "Simple", "/web", "Web"),
    }
    functions = {
        "Echo": {"Handler": "app.echo", "Events": events},
        "Authorize": {"Handler": "authorizer.authorize"},
    }
    project: Project = make_project({"app.py": CODE, "authorizer.py": AUTHORIZER}, **functions)
    document = json.loads(project.template.read_text())
    document["Resources"] |= APIS
    project.template.write_text(json.dumps(document))
    with project.serving("--max-environments", "2") as tool:
        yield tool


def asked(tool: Tool, token: str, count: int = 1) -> list[dict[str, Any]]:
    """The events with a token that the authorizer has got, of which there are `count` at least."""
    tool.wait_for_lines(f'asked .*"{token}"', count)
    lines = [line.partition("asked ")[2] for line in list(tool.lines)]
    return [json.loads(line) for line in lines if f'"{token}"' in line]


def context(reply: Reply) -> dict[str, Any]:
    """The authorizer's part of the event that the function got."""
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json["requestContext"]["authorizer"]
    return found


def test_token_authorizer_gets_the_token_and_the_method(tool: Tool) -> None:
    """The function gets principal and context, as text."""
    found = context(send(tool, "GET", "/token", Authorization="ada"))
    assert found.pop("integrationLatency") >= 0
    assert found == {"principalId": "ada", "who": "ada", "n": "1", "yes": "true"}
    (event,) = asked(tool, "ada")
    arn = "arn:aws:execute-api:us-east-1:123456789012:Tokens/Prod/GET/token"
    assert event == {"type": "TOKEN", "methodArn": arn, "authorizationToken": "ada"}


def test_decision_is_kept_and_its_policy_is_evaluated_again(tool: Tool) -> None:
    """For the time of `ReauthorizeEvery`; a policy for GET does not allow POST."""
    assert send(tool, "GET", "/token/a", Authorization="get").status == 200
    assert send(tool, "GET", "/token/b", Authorization="get").status == 200
    refused = send(tool, "POST", "/token/b", Authorization="get")
    assert (refused.status, refused.json) == (403, {"Message": "User is not authorized to access this resource"})
    assert send(tool, "GET", "/token/b", Authorization="later").status == 200
    asked(tool, "later")
    assert len(asked(tool, "get")) == 1


@pytest.mark.parametrize(
    ("token", "status", "body", "error_type"),
    [
        (None, 401, {"message": "Unauthorized"}, "UnauthorizedException"),
        ("9 does not match", 401, {"message": "Unauthorized"}, "UnauthorizedException"),
        ("nobody", 401, {"message": "Unauthorized"}, "UnauthorizedException"),
        (
            "denied",
            403,
            {"Message": "User is not authorized to access this resource with an explicit deny"},
            "AccessDeniedException",
        ),
        ("broken", 500, {"message": None}, "AuthorizerConfigurationException"),
        ("odd", 500, {"message": None}, "AuthorizerConfigurationException"),
    ],
)
def test_rest_api_refuses(tool: Tool, token: str | None, status: int, body: dict[str, Any], error_type: str) -> None:
    """The route's function is not invoked."""
    headers = {} if token is None else {"Authorization": token}
    refused = send(tool, "GET", "/token", **headers)
    assert (refused.status, refused.json, refused.headers["x-amzn-ErrorType"]) == (status, body, error_type)


def test_request_authorizer_gets_the_request(tool: Tool) -> None:
    """All of its sources have to be there; without time to keep it, each request is decided."""
    assert send(tool, "GET", "/request", X_User="grace").status == 401
    for _ in range(2):
        assert context(send(tool, "GET", "/request?q=1", X_User="grace"))["principalId"] == "grace"
    first, second = asked(tool, "grace", 2)
    assert first["type"] == second["type"] == "REQUEST"
    assert first["methodArn"].endswith(":Tokens/Prod/GET/request")
    assert (first["queryStringParameters"], first["httpMethod"]) == ({"q": "1"}, "GET")
    assert "body" not in first


def test_route_without_an_authorizer_is_open(tool: Tool) -> None:
    """`NONE` overrides the default."""
    assert "authorizer" not in send(tool, "GET", "/open").json["requestContext"]


def test_simple_response_of_an_http_api(tool: Tool) -> None:
    """Format 2.0 in both directions."""
    found = context(send(tool, "GET", "/easy", X_User="simple"))
    assert found == {"lambda": {"who": "simple", "n": 1}}
    (event,) = asked(tool, "simple")
    assert (event["version"], event["type"], event["identitySource"]) == ("2.0", "REQUEST", ["simple"])
    assert event["routeArn"].endswith(":Simple/$default/GET/easy")
    refused = send(tool, "GET", "/easy", X_User="refused")
    assert (refused.status, refused.json) == (403, {"message": "Forbidden"})
    assert send(tool, "GET", "/easy").status == 401
    assert send(tool, "GET", "/easy", X_User="broken").status == 500
    assert send(tool, "GET", "/easy", X_User="{}").status == 500


def test_policy_of_an_http_api(tool: Tool) -> None:
    """Format 1.0 with a policy."""
    assert context(send(tool, "GET", "/policy", X_User="ada")) == {"lambda": {"who": "ada", "n": 1, "yes": True}}
    assert send(tool, "GET", "/policy", X_User="denied").status == 403
    assert send(tool, "GET", "/policy", X_User='{"principalId": "x", "policyDocument": {}}').status == 500


def test_authorizers_that_are_not_checked_are_named(tool: Tool) -> None:
    """Their routes are open here, which a user has to know."""
    tool.wait_for("Tokens: the Cognito authorizer Pool is not checked")
    tool.wait_for("Simple: the JWT authorizer Web is not checked")
    assert send(tool, "GET", "/pool").status == 200
    assert send(tool, "GET", "/web").status == 200
