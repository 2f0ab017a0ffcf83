"""The routes that a template describes outside of its functions: OpenAPI documents, and the resources of API Gateway.

Specification: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html and the
CloudFormation pages of `AWS::ApiGateway::*` and `AWS::ApiGatewayV2::*`. Only proxy integrations with a function of the
template become routes; everything else is a remark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local_lambda.errors import UsageError
from local_lambda.functions.api_extensions import INTEGRATION, not_emulated_in
from local_lambda.functions.authorizers import EXTENSION, FUNCTION_IN, is_api_key
from local_lambda.functions.config import ApiRoute
from local_lambda.functions.document import read_document
from local_lambda.functions.intrinsics import NO_VALUE, Scope, Unresolvable, text
from local_lambda.functions.routes import METHODS, check_path

_ANY_METHOD = "x-amazon-apigateway-any-method"
_WEBSOCKET = "WebSocket APIs are not emulated"
DOCUMENTS = {
    "AWS::Serverless::Api": ("DefinitionBody", "DefinitionUri", True),
    "AWS::Serverless::HttpApi": ("DefinitionBody", "DefinitionUri", False),
    "AWS::ApiGateway::RestApi": ("Body", "BodyS3Location", True),
    "AWS::ApiGatewayV2::Api": ("Body", "BodyS3Location", False),
}
"""Type of an API -> the property with its OpenAPI document, the one that says where that is, whether it is REST."""


class _Skipped(Exception):
    """Something that is not served; the text says what and why."""


class Operation(NamedTuple):
    """A method of a path of an API: its authorizer as in `ApiRoute`, and whether it has an integration."""

    authorizer: str | None = None
    integrated: bool = True


Key = tuple[str, str, str]
"""API, method and path; without the slash at the end that a REST API ignores."""


class Definitions(NamedTuple):
    """`routes` by the logical ids of their functions, and `remarks` on what is not served.

    `schemes` has the security schemes of each API's document by name, and `security` its authorizer. `operations` are
    all that the APIs define, with None for one whose authorizer is not known; `unread` are APIs whose document is not
    on this machine, or is faulty.
    """

    routes: dict[str, list[ApiRoute]]
    remarks: list[str]
    schemes: dict[str, dict[str, Any]]
    security: dict[str, str | None]
    operations: dict[Key, Operation | None]
    unread: set[str]


class ApiDefinitions:
    """Reads the API resources among `resources` of the template at `path`.

    `scope` has stand-ins, and `functions` the logical id of each function by its name.
    """

    def __init__(self, path: Path, resources: Mapping[str, Any], scope: Scope, functions: Mapping[str, str]) -> None:
        self._path = path
        self._resources = {name: each for name, each in resources.items() if isinstance(each, dict)}
        self._scope = scope
        self._functions = functions
        self._found = Definitions({}, [], {}, {}, {}, set())

    def read(self) -> Definitions:
        """All routes and remarks."""
        for logical_id, resource in self._resources.items():
            kind, properties = resource.get("Type"), resource.get("Properties")
            if not isinstance(properties, dict) or not isinstance(kind, str):
                continue
            try:
                if kind in DOCUMENTS:
                    self._api(logical_id, kind, properties)
                elif kind == "AWS::Serverless::WebSocketApi":
                    raise _Skipped(_WEBSOCKET)
                elif kind == "AWS::ApiGateway::Method":
                    self._method(properties)
                elif kind == "AWS::ApiGatewayV2::Route":
                    self._route(properties)
            except (_Skipped, Unresolvable, UsageError) as why:
                self._found.remarks.append(f"{logical_id} is not served: {why}")
            except (TypeError, ValueError, LookupError, AttributeError):
                self._found.remarks.append(
                    f"{logical_id} is not served: it is not written as CloudFormation expects it"
                )
        return self._found

    def _api(self, logical_id: str, kind: str, properties: Mapping[str, Any]) -> None:
        body_name, place_name, rest = DOCUMENTS[kind]
        if properties.get("ProtocolType") == "WEBSOCKET":
            raise _Skipped(_WEBSOCKET)
        if kind == "AWS::ApiGatewayV2::Api" and "Target" in properties:  # made by one resource, with a route
            key = text(self._scope.resolve(properties.get("RouteKey", "$default")))
            self._define(logical_id, key, False, Operation())
            self._add(logical_id, key, properties["Target"], "2.0")
        self._found.unread.add(logical_id)
        body = self._scope.resolve_outermost(self._included(properties.get(body_name)))
        if body is None and place_name in properties:
            body = self._file(self._scope.resolve(properties[place_name]), place_name)
        if body is not None:
            auth = properties.get("Auth")
            default = isinstance(auth, dict) and auth.get("DefaultAuthorizer") is not None
            self._document(logical_id, body, rest, default)
        self._found.unread.remove(logical_id)

    def _document(self, api: str, body: Any, rest: bool, default: bool) -> None:
        """Read an OpenAPI document; AWS SAM puts a default authorizer into each method, before the document's."""
        self._found.schemes[api] = _schemes(body)
        self._found.security[api] = None if default else self._secured(api, body.get("security"), rest)
        for path, written in self._members(body.get("paths", {})):
            for method, operation in self._members(written):
                self._operation(api, body, rest, path, method, operation)
        missing = not_emulated_in(body, rest)
        if missing:
            self._found.remarks.append(f"{api}: not emulated: {', '.join(missing)}")

    def _members(self, written: Any) -> Iterator[tuple[str, Any]]:
        """Names and values of a mapping; each may be the result of a condition."""
        for name, value in self._scope.resolve_outermost(written).items():
            value = self._scope.resolve_outermost(value)
            if value is not NO_VALUE:
                yield name, value

    def _included(self, body: Any) -> Any:
        """The body; the file's content if it is `Fn::Transform` with `AWS::Include`."""
        transform = body.get("Fn::Transform") if isinstance(body, dict) else None
        if not isinstance(transform, dict) or transform.get("Name") != "AWS::Include":
            return body
        return self._file(self._scope.resolve(transform["Parameters"]["Location"]), "Location")

    def _file(self, place: Any, name: str) -> Any:
        if not isinstance(place, str) or place.startswith("s3://"):
            raise _Skipped(f"its {name} is not on this machine; name a local file")
        return read_document(self._path.parent / place, f"correct the {name} that names it")

    def _operation(self, api: str, body: Any, rest: bool, path: str, method: str, operation: Any) -> None:
        if method != _ANY_METHOD and method.upper() not in METHODS:
            return  # parameters, summary, servers …
        integration = operation.get(INTEGRATION)
        if isinstance(integration, dict) and "$ref" in integration:
            name = str(integration["$ref"]).rpartition("/")[2]
            integration = body["components"]["x-amazon-apigateway-integrations"][name]
        method = "ANY" if method == _ANY_METHOD else method.upper()
        key = "$default" if path in ("/$default", "$default") else f"{method} {path}"
        try:
            self._define(api, key, rest, None)
            authorizer = self._found.security[api]
            if "security" in operation:
                authorizer = self._secured(api, operation["security"], rest)
            self._define(api, key, rest, Operation(authorizer, isinstance(integration, dict)))
            if not isinstance(integration, dict):
                raise _Skipped(f"it has no {INTEGRATION}")
            integration = self._scope.resolve(integration)
            _check_proxy(integration.get("type"))
            version = "1.0" if rest else text(integration.get("payloadFormatVersion", "1.0"))
            self._add(api, key, integration.get("uri"), version, rest, authorizer)
        except (_Skipped, Unresolvable) as why:
            self._found.remarks.append(f"{method} {path} of {api} is not served: {why}")

    def _secured(self, api: str, security: Any, rest: bool) -> str | None:
        """The authorizer that `security` names; None if there is none, so that the API's default counts.

        Also for `[]`: AWS SAM gives such a method the default authorizer. API keys are not authorizers.
        """
        security = self._scope.resolve(security)
        if security is None or security is NO_VALUE:
            return None
        if not isinstance(security, list):
            raise _Skipped("its security is not a list")
        schemes = self._found.schemes[api]
        names = [str(name) for each in security if isinstance(each, dict) for name in each]
        for name in [name for name in names if rest and is_api_key(name, schemes)]:
            names.remove(name)
            remark = f"{api}: the API key {name} is not checked: its routes can be called without"
            if remark not in self._found.remarks:
                self._found.remarks.append(remark)
        return next((name for name in names if EXTENSION in schemes.get(name, {})), names[0] if names else None)

    def _define(self, api: str, key: str, rest: bool, operation: Operation | None) -> None:
        method, _, path = key.partition(" ") if key != "$default" else ("ANY", "", "$default")
        self._found.operations[api, method, (path.rstrip("/") or "/") if rest else path] = operation

    def _authorized(self, properties: Mapping[str, Any]) -> str | None:
        """The authorizer of a method or route that is a resource: its logical id, or how the route is protected."""
        kind = text(self._scope.resolve(properties.get("AuthorizationType", "NONE"))).upper()
        if "AuthorizerId" not in properties:
            return kind
        return _target(properties["AuthorizerId"]) or kind  # such as CUSTOM, if only AWS knows its id

    def _method(self, properties: Mapping[str, Any]) -> None:
        """A method of a REST API that is written as resources."""
        api, path = _target(properties["RestApiId"]) or "ImportedApi", self._path_of(properties["ResourceId"])
        integration = properties.get("Integration", {})
        method = text(self._scope.resolve(properties["HttpMethod"])).upper()
        self._define(api, f"{method} {path}", True, Operation())
        if method == "OPTIONS" and self._scope.resolve(integration.get("Type")) == "MOCK":
            raise _Skipped(f"OPTIONS {path} answers with a mock")
        _check_proxy(self._scope.resolve(integration.get("Type")))
        self._add(api, f"{method} {path}", integration.get("Uri"), "1.0", True, self._authorized(properties))

    def _path_of(self, resource_id: Any) -> str:
        parts: list[str] = []
        while len(parts) <= len(self._resources):
            resource = self._resources.get(_target(resource_id), {})
            if resource.get("Type") != "AWS::ApiGateway::Resource":
                return "/" + "/".join(reversed(parts))
            properties = resource["Properties"]
            parts.append(text(self._scope.resolve(properties["PathPart"])))
            resource_id = properties["ParentId"]
        raise _Skipped("its resources are each other's parents")

    def _route(self, properties: Mapping[str, Any]) -> None:
        """A route of an HTTP API that is written as resources."""
        api, key = _target(properties["ApiId"]) or "ImportedHttpApi", text(self._scope.resolve(properties["RouteKey"]))
        if self._resources.get(api, {}).get("Properties", {}).get("ProtocolType") == "WEBSOCKET":
            return  # said of the API
        self._define(api, key, False, Operation())
        name = text(self._scope.resolve(properties["Target"])).rpartition("/")[2]
        integration = self._resources[name]["Properties"]
        _check_proxy(self._scope.resolve(integration.get("IntegrationType")))
        version = text(self._scope.resolve(integration.get("PayloadFormatVersion", "1.0")))
        self._add(api, key, integration.get("IntegrationUri"), version, False, self._authorized(properties))

    def _add(
        self, api: str, key: str, uri: Any, version: str, rest: bool = False, authorizer: str | None = None
    ) -> None:
        """Add a route whose `key` is such as `GET /orders` or `$default`."""
        uri = text(self._scope.resolve(uri)) if uri is not None else ""
        match = FUNCTION_IN(uri)
        if match is None:
            raise _Skipped("its URI does not have the ARN of a function; write ${Function.Arn}, with your logical id")
        function = self._functions.get(match[1])
        if function is None:
            raise _Skipped("it does not call a function of this template")
        method, _, path = key.partition(" ") if key != "$default" else ("ANY", "", "$default")
        if method not in METHODS:
            raise _Skipped(f"{key!r} has no method that API Gateway knows")
        mistake = check_path(path, rest) if path != "$default" else None
        if mistake:
            raise _Skipped(f"{key!r} {mistake}")
        if version not in ("1.0", "2.0"):
            raise _Skipped(f"there is no payload format {version}; use 1.0 or 2.0")
        self._found.routes.setdefault(function, []).append(ApiRoute(method, path, version, rest, api, authorizer))


def _schemes(body: Mapping[str, Any]) -> dict[str, Any]:
    """The security schemes of an OpenAPI 3 or Swagger 2 document."""
    components = body.get("components")
    listed = components.get("securitySchemes") if isinstance(components, dict) else body.get("securityDefinitions")
    return {name: each for name, each in listed.items() if isinstance(each, dict)} if isinstance(listed, dict) else {}


def _check_proxy(kind: Any) -> None:
    if kind is None:
        raise _Skipped("it has no integration")
    if str(kind).upper() != "AWS_PROXY":
        raise _Skipped(f"integrations of type {kind} are not emulated, only AWS_PROXY")


def _target(reference: Any) -> str:
    """The logical id of the resource that is referred to."""
    if isinstance(reference, dict):
        argument = reference.get("Ref", reference.get("Fn::GetAtt", ""))
        return str(argument[0] if isinstance(argument, list) else argument).partition(".")[0]
    return str(reference)
