"""CORS settings and Lambda authorizers of the APIs of a template. What is not served is a remark.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-property-httpapi-httpapicorsconfiguration.html, sam-property-api-corsconfiguration.html,
sam-property-api-lambdatokenauthorizer.html, sam-property-api-lambdarequestauthorizer.html and
sam-property-httpapi-lambdaauthorizer.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.authorizers import (
    FUNCTION_IN,
    MAX_TTL_SECONDS,
    RESOURCES,
    REST_TTL_SECONDS,
    check_expression,
    of_scheme,
    read_authorizer,
)
from local_lambda.functions.config import ApiRoute, ApiSettings, Authorizer, Cors
from local_lambda.functions.function_urls import read_cors
from local_lambda.functions.intrinsics import Scope, is_intrinsic
from local_lambda.functions.properties import Properties
from local_lambda.functions.routes import IMPLICIT_API

_APIS = {
    "AWS::ApiGateway::RestApi": True,
    "AWS::ApiGatewayV2::Api": False,
    "AWS::Serverless::Api": True,
    "AWS::Serverless::HttpApi": False,
}
"""Type -> whether it is a REST API."""
_NAMES = {"Headers": "header", "QueryStrings": "querystring", "Context": "context", "StageVariables": "stageVariables"}


class ApiSettingsReader:
    """Reads the API resources among `resources`, which have `Globals`; `globals_` is the section of that name.

    `functions` are the names of the functions that can be invoked.
    """

    def __init__(
        self,
        path: Path,
        resources: Mapping[str, Any],
        globals_: Mapping[str, Any],
        scope: Scope,
        functions: Iterable[str],
    ) -> None:
        self._path = path
        self._resources = resources
        self._globals = globals_
        self._scope = scope
        self._functions = frozenset(functions)
        self.remarks: list[str] = []

    def read(
        self, routes: Iterable[ApiRoute], schemes: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    ) -> dict[str, ApiSettings]:
        """The settings of each API that has any, by logical id. `routes` are those of all functions.

        `schemes` has the security schemes of the APIs' OpenAPI documents.
        """
        routes = tuple(routes)
        found: dict[str, ApiSettings] = {}
        for logical_id, rest, values in self._apis(routes):
            own = [route for route in routes if route.api == logical_id]
            if not own:  # nothing here can be called
                continue
            said: set[str] = set()
            try:
                settings = self._settings(
                    logical_id, rest, Properties(self._path, logical_id, values, self._scope), said
                )
            except UsageError as reason:
                self.remarks.append(f"{logical_id} has neither CORS nor authorizers here: {reason}")
                continue
            separate = self._separate(logical_id, rest, own, schemes.get(logical_id, {}), said)
            settings = settings._replace(authorizers={**separate, **settings.authorizers})
            if settings != ApiSettings():
                found[logical_id] = settings
            self._name_missing(logical_id, settings, own, said)
        return found

    def _separate(
        self, api: str, rest: bool, routes: Iterable[ApiRoute], schemes: Mapping[str, Any], said: set[str]
    ) -> dict[str, Authorizer]:
        """The authorizers of routes that are resources, or security schemes of a document."""
        found: dict[str, Authorizer] = {}
        for name in sorted({route.authorizer for route in routes if route.authorizer} - {"NONE"}):
            resource = self._resources.get(name)
            scheme = schemes.get(name)
            if isinstance(scheme, dict):
                values = of_scheme(scheme)
            elif isinstance(resource, dict) and resource.get("Type") in RESOURCES:
                values = resource.get("Properties") or {}
            else:
                continue
            try:
                properties = Properties(self._path, name, values, self._scope)
                match = FUNCTION_IN(properties.string("AuthorizerUri") or "")
                if match is None or match[1] not in self._functions:
                    continue
                found[name] = read_authorizer(properties, match[1], rest)
            except UsageError as reason:
                said.add(name)
                self.remarks.append(f"{api}: the authorizer {name} is not checked: {reason}")
        return found

    def _apis(self, routes: Iterable[ApiRoute]) -> Iterator[tuple[str, bool, dict[str, Any]]]:
        """Logical id, whether it is a REST API, and properties of each API, SAM's own two, and those elsewhere.

        An API of a different stack has methods and routes here, and their authorizers.
        """
        known = {*self._resources, *IMPLICIT_API.values()}
        yield from (
            (api, rest, {}) for api, rest in {each.api: each.rest for each in routes if each.api not in known}.items()
        )
        for event, logical_id in IMPLICIT_API.items():
            yield logical_id, event == "Api", _section(self._globals, event)
        for logical_id, resource in self._resources.items():
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if kind not in _APIS:
                continue
            values = resource.get("Properties")
            yield logical_id, _APIS[kind], values if isinstance(values, dict) else {}

    def _settings(self, logical_id: str, rest: bool, properties: Properties, said: set[str]) -> ApiSettings:
        name = "Cors" if rest else "CorsConfiguration"
        cors = None
        if properties.values.get(name) is not None:
            cors = _rest_cors(properties) if rest else _http_cors(properties, name)
        authorizers: dict[str, Authorizer] = {}
        auth = properties.inside("Auth")
        listed = auth.inside("Authorizers")
        for each in listed.values:
            authorizer = self._authorizer(logical_id, each, listed.inside(each), rest)
            if authorizer is None:
                said.add(each)
            else:
                authorizers[each] = authorizer
        return ApiSettings(cors, authorizers, auth.string("DefaultAuthorizer"))

    def _authorizer(self, api: str, name: str, properties: Properties, rest: bool) -> Authorizer | None:
        arn = properties.string("FunctionArn")
        if arn is None:
            kind = "Cognito" if "UserPoolArn" in properties.values else "JWT"
            self.remarks.append(f"{api}: the {kind} authorizer {name} is not checked: its routes can be called without")
            return None
        match = FUNCTION_IN(arn)
        if match is None or match[1] not in self._functions:
            self.remarks.append(
                f"{api}: the authorizer {name} is not checked: {arn} is not a function of this template"
            )
            return None
        identity = properties.inside("Identity")
        ttl = identity.integer("ReauthorizeEvery", REST_TTL_SECONDS if rest else 0, 0, MAX_TTL_SECONDS, "seconds")
        token = rest and properties.one_of("FunctionPayloadType", ("TOKEN", "REQUEST"), "TOKEN") == "TOKEN"
        if token:
            header = identity.string("Header") or "Authorization"
            validation = identity.string("ValidationExpression")
            check_expression(identity, "ValidationExpression", validation)
            return Authorizer(match[1], (f"header.{header}",), True, validation, ttl=ttl)
        sources = tuple(f"{_NAMES[each]}.{source}" for each in _NAMES for source in identity.strings(each))
        version = "1.0"
        if not rest:
            version = properties.one_of("AuthorizerPayloadFormatVersion", ("1.0", "2.0"), "2.0")
            sources = sources or ("header.Authorization",)
        simple = properties.one_of("EnableSimpleResponses", ("true", "false"), "false") == "true"
        return Authorizer(match[1], sources, payload_format=version, simple=simple, ttl=ttl if sources else 0)

    def _name_missing(self, api: str, settings: ApiSettings, routes: Iterable[ApiRoute], said: set[str]) -> None:
        """Name the authorizers that the routes of an API ask for, that are not served, and not named yet (`said`)."""
        asked = {route.authorizer or settings.default or "NONE" for route in routes}
        for name in sorted(asked - {"NONE", *settings.authorizers} - said):
            self.remarks.append(f"{api}: the authorizer {name} is not checked: its routes can be called without")


def _section(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = values.get(name)
    return section if isinstance(section, dict) else {}


def _http_cors(properties: Properties, name: str) -> Cors:
    """Of an HTTP API: settings, or `true` for everything."""
    if properties.values[name] in (True, "true"):
        return Cors(("*",), ("*",), ("*",))
    return read_cors(properties.inside(name))


def _rest_cors(properties: Properties) -> Cors:
    """Of a REST API: an origin, or settings whose values are in single quotes, as in a mapping of API Gateway."""
    value = properties.values["Cors"]
    if not isinstance(value, dict) or is_intrinsic(value):
        return Cors((_unquoted(properties.string("Cors")),), ("*",))
    cors = properties.inside("Cors")
    age = _unquoted(cors.string("MaxAge"))
    if age and not age.isdecimal():
        raise cors.wrong("MaxAge", f"'{age}' is not a number of seconds; write it as \"'600'\"")
    return Cors(
        (_unquoted(cors.string("AllowOrigin")) or "*",),
        tuple(_listed(cors.string("AllowMethods"))) or ("*",),
        tuple(_listed(cors.string("AllowHeaders"))),
        max_age=int(age) if age else None,
        credentials=cors.one_of("AllowCredentials", ("true", "false"), "false") == "true",
    )


def _unquoted(value: str | None) -> str:
    return (value or "").strip().strip("'")


def _listed(value: str | None) -> list[str]:
    return [each.strip() for each in _unquoted(value).split(",") if each.strip()]
