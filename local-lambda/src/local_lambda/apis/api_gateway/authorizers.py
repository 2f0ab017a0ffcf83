"""Lambda authorizers: a function decides, before the route's own function, whether a request may pass.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html (REST APIs)
and http-api-lambda-authorizer.html (HTTP APIs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import monotonic, perf_counter
from typing import Any

from local_lambda.apis.api_gateway.events import event_of
from local_lambda.apis.api_gateway.refusals import Refusal
from local_lambda.apis.api_gateway.request import HTTP_STAGE, REST_STAGE, Request
from local_lambda.environment.documents import decode, encode
from local_lambda.environment.invocation import Invocation
from local_lambda.errors import ApiError
from local_lambda.functions.config import ApiSettings, Authorizer, partition
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing

MAX_KEPT, MAX_KEPT_BYTES = 1000, 16_000_000
"""How many decisions of one authorizer are kept, and how large they may be together."""
_ACTION = "execute-api:Invoke"
_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"}
"""The elements of a statement that are evaluated here."""


class Refused(Exception):
    """The request may not pass. The text gives the reason, for the user of the tool."""

    def __init__(self, refusal: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.refusal = refusal


class LambdaAuthorizer:
    """One authorizer of an API; `pool` has the environments of its function."""

    def __init__(self, name: str, settings: Authorizer, pool: EnvironmentPool) -> None:
        self._name = name
        self._settings = settings
        self._pool = pool
        self._kept: dict[tuple[str, ...], tuple[float, Any, int]] = {}
        self._kept_bytes = 0

    async def authorize(self, request: Request) -> dict[str, Any]:
        """The authorizer's part of the route's event. Raises Refused."""
        identity = self._identity(request)
        now, kept = monotonic(), self._kept.get(identity)
        if kept is not None and now < kept[0]:
            decision = kept[1]
        else:
            decision, size = await self._decide(request, identity)
            self._keep(identity, now, decision, size + sum(map(len, identity)))
        return self._evaluated(request, decision)

    def _identity(self, request: Request) -> tuple[str, ...]:
        """The values of the sources, all of which have to be there."""
        settings, values = self._settings, []
        for source in settings.sources:
            value = _value(source, request)
            if not value:
                raise Refused(Refusal.UNAUTHORIZED, f"{source}, which authorizer {self._name} needs, is missing")
            values.append(value)
        if settings.validation is not None and not re.search(settings.validation, values[0]):
            raise Refused(Refusal.UNAUTHORIZED, f"the token does not match what authorizer {self._name} expects")
        return tuple(values)

    async def _decide(self, request: Request, identity: tuple[str, ...]) -> tuple[Any, int]:
        """What the function returned, and its size in bytes."""
        function = self._pool.function
        event = encode(self._event(request, identity))
        begin = perf_counter()
        try:
            response = await self._pool.call(
                Invocation(event, function.arn, new_tracing(None, function.tracing_active))
            )
        except ApiError as error:
            raise Refused(Refusal.AUTHORIZER_FAILED, f"authorizer {self._name}: {error.message}") from None
        try:
            document = decode(response.payload)
        except ValueError:
            document = None
        if response.failed:
            message = document.get("errorMessage") if isinstance(document, dict) else None
            if message == "Unauthorized":
                raise Refused(Refusal.UNAUTHORIZED, f"authorizer {self._name} raised Unauthorized")
            raise Refused(Refusal.AUTHORIZER_FAILED, f"authorizer {self._name} failed: {message}")
        if not isinstance(document, dict):
            raise Refused(Refusal.AUTHORIZER_FAILED, f"authorizer {self._name} did not return an object")
        document["integrationLatency"] = round((perf_counter() - begin) * 1000)
        return document, len(response.payload)

    def _keep(self, identity: tuple[str, ...], now: float, decision: Any, size: int) -> None:
        if not self._settings.ttl or not self._settings.sources or size > MAX_KEPT_BYTES:
            return
        self._forget(identity)
        while self._kept:  # all are kept equally long, so the first ones are those that expire first
            first, (until, _, _) = next(iter(self._kept.items()))
            if now < until and len(self._kept) < MAX_KEPT and self._kept_bytes + size <= MAX_KEPT_BYTES:
                break
            self._forget(first)
        self._kept[identity] = now + self._settings.ttl, decision, size
        self._kept_bytes += size

    def _forget(self, identity: tuple[str, ...]) -> None:
        if identity in self._kept:
            self._kept_bytes -= self._kept.pop(identity)[2]

    def _event(self, request: Request, identity: tuple[str, ...]) -> dict[str, Any]:
        arn = _arn(request)
        if self._settings.token:
            return {"type": "TOKEN", "methodArn": arn, "authorizationToken": identity[0]}
        event = event_of(request, self._settings.payload_format)
        event.pop("body", None)
        event.pop("isBase64Encoded", None)
        if self._settings.payload_format == "2.0":
            event.setdefault("pathParameters", dict(request.variables) or None)
            return event | {
                "type": "REQUEST",
                "routeArn": arn,
                "identitySource": list(identity),
                "stageVariables": None,
            }
        more = {"type": "REQUEST", "methodArn": arn}
        if not request.route.rest:
            more |= {"version": "1.0", "identitySource": ",".join(identity), "authorizationToken": ",".join(identity)}
        return event | more

    def _evaluated(self, request: Request, decision: Mapping[str, Any]) -> dict[str, Any]:
        """The context of a request that may pass."""
        context = decision.get("context") or {}
        if not isinstance(context, dict):
            raise Refused(Refusal.AUTHORIZER_FAILED, f"the context of authorizer {self._name} is not an object")
        if self._settings.simple:
            if not isinstance(decision.get("isAuthorized"), bool):
                raise Refused(Refusal.AUTHORIZER_FAILED, f"authorizer {self._name} did not return isAuthorized")
            if not decision["isAuthorized"]:
                raise Refused(Refusal.DENIED, f"authorizer {self._name} returned isAuthorized: false")
            return {"lambda": context or None} if request.route.payload_format == "2.0" else context
        try:
            principal, effects = decision.get("principalId"), _effects(decision.get("policyDocument"), _arn(request))
        except _NotEvaluated as found:
            why = f"the policy of authorizer {self._name} has {found}, which is not evaluated here"
            raise Refused(Refusal.AUTHORIZER_FAILED, why) from None
        if not isinstance(principal, str) or None in effects:
            what = "principalId and policyDocument"
            raise Refused(Refusal.AUTHORIZER_FAILED, f"authorizer {self._name} did not return valid {what}")
        if "Deny" in effects:
            raise Refused(Refusal.DENIED, f"the policy of authorizer {self._name} denies it")
        if "Allow" not in effects:
            raise Refused(Refusal.NOT_ALLOWED, f"the policy of authorizer {self._name} does not allow it")
        if request.route.payload_format == "2.0":
            return {"lambda": context or None}
        if not request.route.rest:
            return {"principalId": principal, **context}
        if any(isinstance(value, (dict, list)) for value in context.values()):
            raise Refused(Refusal.AUTHORIZER_FAILED, f"the context of authorizer {self._name} has lists or objects")
        texts = {name: _text(value) for name, value in context.items() if value is not None}
        return {"principalId": principal, "integrationLatency": decision["integrationLatency"], **texts}


def authorizers_of(
    apis: Mapping[str, ApiSettings], pools: Mapping[str, EnvironmentPool]
) -> dict[tuple[str, str | None], LambdaAuthorizer]:
    """The authorizers by API and name; that of None is the API's default."""
    found: dict[tuple[str, str | None], LambdaAuthorizer] = {}
    for api, settings in apis.items():
        for name, each in settings.authorizers.items():
            if each.function in pools:
                found[api, name] = LambdaAuthorizer(name, each, pools[each.function])
        if settings.default is not None and (api, settings.default) in found:
            found[api, None] = found[api, settings.default]
    return found


def _value(source: str, request: Request) -> str:
    """What a request has of a source; empty if it is missing."""
    kind, _, name = source.partition(".")
    if kind == "header":
        return request.header(name.lower().encode())
    if kind == "querystring":
        return next((value for each, value in request.query if each == name), "")
    if kind == "context":
        found: Any = request.context() | {"httpMethod": request.method, "path": request.path}
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return "" if found is None else str(found)
    return ""  # stage variables, which do not exist here


def _arn(request: Request) -> str:
    """The ARN of the request's method (REST API) or route."""
    function, rest = request.route.pool.function, request.route.rest
    stage = REST_STAGE if rest else HTTP_STAGE
    place = f"{function.region}:{function.account_id}:{request.route.api}"
    return f"arn:{partition(function.region)}:execute-api:{place}/{stage}/{request.method}/{request.path.lstrip('/')}"


class _NotEvaluated(Exception):
    """A statement has an element, which is the text, that could restrict it."""


def _effects(policy: Any, arn: str) -> set[str | None]:
    """The effects of the statements that are about invoking `arn`; None stands for what is not a policy.

    Raises _NotEvaluated.
    """
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        return {None}
    found: set[str | None] = set()
    for statement in statements:
        effect = statement.get("Effect") if isinstance(statement, dict) else None
        if effect not in ("Allow", "Deny"):
            found.add(None)
            continue
        for element in statement:
            if element not in _ELEMENTS:
                raise _NotEvaluated(element)
        if _is_about(statement, "Action", _ACTION.lower(), str.lower) and _is_about(statement, "Resource", arn, str):
            found.add(effect)
    return found


def _is_about(statement: Mapping[str, Any], element: str, value: str, fold: Callable[[str], str]) -> bool:
    """Whether a statement covers a value by `Action` or `Resource`, or by `NotAction` or `NotResource`."""
    if element in statement:
        return _covers(statement[element], value, fold)
    return f"Not{element}" in statement and not _covers(statement[f"Not{element}"], value, fold)


def _covers(patterns: Any, value: str, fold: Callable[[str], str]) -> bool:
    """Whether one of the patterns matches the value."""
    found = [patterns] if isinstance(patterns, str) else patterns if isinstance(patterns, list) else []
    return any(_matches(fold(str(pattern)), value) for pattern in found)


def _matches(pattern: str, value: str) -> bool:
    """Whether a pattern, in which `*` and `?` stand for any text and any character, is a value.

    A regular expression would try all ways to divide the value between the stars, which can take for ever. The first
    place where the text after a star fits is as good as any other.
    """
    star, begin, place, at = -1, 0, 0, 0
    while at < len(value):
        if pattern[place : place + 1] == "*":
            star, begin, place = place, at, place + 1
        elif pattern[place : place + 1] in ("?", value[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            begin += 1
            place, at = star + 1, begin
        else:
            return False
    return not pattern[place:].strip("*")


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
