"""The functions that can be invoked, and how a `FunctionName` finds one.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (`FunctionName`, `Qualifier`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import random
from types import MappingProxyType
from urllib.parse import parse_qs, unquote

from local_lambda.errors import ApiError
from local_lambda.functions.config import ACCOUNT_ID, REGION, Alias, FunctionConfig, partition
from local_lambda.service.pool import EnvironmentPool

_ARN = re.compile(r"(arn:[^:]*:lambda:[^:]*:)?(\d{12}:)?function:")
"""The beginning of a full or partial ARN, up to the name."""
_OWNED = re.compile(r"(arn:[^:]*:lambda:(?P<region>[^:]*):)?((?P<account>\d{12}):)?(?P<kind>function|layer):")
GENERIC_NAME = "function"
"""The name that `aws-lambda-rie` responds to, whatever the function is called."""


def check_owner(text: str, region: str, account: str, action: str) -> None:
    """Raises ApiError for the ARN of a function or layer in a different region or account.

    The words are in https://github.com/alexcasalboni/aws-lambda-power-tuning/issues/18 and
    https://github.com/ShivamJoker/Canvas-Lambda-Layer/issues/2.
    """
    found = _OWNED.match(text)
    if found is None:
        return
    elsewhere = found["region"] not in (None, "", region)
    if elsewhere and found["kind"] == "function":
        why = f"Functions from '{found['region']}' are not reachable in this region ('{region}')"
        raise ApiError(404, "ResourceNotFoundException", why)
    if elsewhere or found["account"] not in (None, account):
        arn = text if text.startswith("arn:") else f"arn:{partition(region)}:lambda:{region}:{text}"
        raise ApiError(
            403,
            "AccessDeniedException",
            f"User: arn:{partition(region)}:iam::{account}:user/local-lambda is not authorized to perform: "
            f"lambda:{action} on resource: {arn} because no resource-based policy allows the lambda:{action} action",
        )


class Versions:
    """The published versions of one function, and its aliases."""

    def __init__(self) -> None:
        self.pools: dict[str, EnvironmentPool] = {}
        self.aliases: dict[str, Alias] = {}

    def find(self, qualifier: str, latest: EnvironmentPool) -> tuple[EnvironmentPool | None, bool]:
        """The pool for a version or an alias, and whether it is always the same one."""
        alias = self.aliases.get(qualifier)
        if alias is None:
            return self.pools.get(qualifier), True
        chosen, left = alias.version, random()
        for version, weight in alias.weights.items():
            left -= weight
            if left < 0:
                chosen = version
                break
        return latest if chosen == "$LATEST" else self.pools.get(chosen), not alias.weights

    def choose(self, qualifier: str, latest: EnvironmentPool) -> EnvironmentPool:
        """The pool for an invocation of `$LATEST`, or of an alias whose versions exist."""
        pool = latest if qualifier == "$LATEST" else self.find(qualifier, latest)[0]
        assert pool is not None
        return pool


class FunctionDirectory:
    """The functions of a region that can be invoked, and how a `FunctionName` finds one.

    `pools` maps the functions' names to their pools; call `forget` after it has changed. `generic` says whether the
    only function, if there is just one, may also be invoked by the name `function`. `on_found` is called with the name
    of a function that was found for the first time; it may raise ApiError. `versions` maps names to published versions.
    `account` is the one of the functions unless it is given.
    """

    def __init__(
        self,
        pools: Mapping[str, EnvironmentPool],
        region: str = REGION,
        generic: bool = True,
        on_found: Callable[[str], None] = lambda name: None,
        versions: Mapping[str, Versions] = MappingProxyType({}),
        account: str | None = None,
    ) -> None:
        self._pools = pools
        self._on_found = on_found
        self._versions = versions
        self._region = region
        self._account = account
        self._generic = generic
        self._resolved: dict[tuple[bytes, bytes], tuple[EnvironmentPool, str]] = {}

    def resolve(self, name: bytes, query: bytes) -> tuple[EnvironmentPool, str]:
        """The pool and the invoked ARN for a name, `name:qualifier`, partial ARN or full ARN.

        Raises ApiError: ResourceNotFoundException (404), or InvalidParameterValueException (400) when name and query
        give two different qualifiers.
        """
        found = self._resolved.get((name, query))
        if found is None:
            pool, arn, fixed = self._resolve(unquote(name.decode("latin-1")), parse_qs(query.decode("latin-1")))
            found = pool, arn
            self._on_found(pool.function.name)
            if fixed and len(self._resolved) < 1000:
                self._resolved[name, query] = found
        return found

    def forget(self) -> None:
        """Look everything up again, because the functions have changed."""
        self._resolved.clear()

    def _resolve(self, text: str, query: Mapping[str, list[str]]) -> tuple[EnvironmentPool, str, bool]:
        """Pool, ARN, and whether both are always the same."""
        prefix = _ARN.match(text)
        base = text[prefix.end() :] if prefix is not None else text
        functions = (each.function for each in self._pools.values())
        account = self._account or next((function.account_id for function in functions), ACCOUNT_ID)
        check_owner(text, self._region, account, "InvokeFunction")
        name, _, suffix = base.partition(":")
        asked = query.get("Qualifier", [""])[0]
        if suffix and asked and suffix != asked:
            raise ApiError(
                400,
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified qualifier.",
            )
        qualifier = suffix or asked
        pool = self._pools.get(name)
        if pool is None and self._generic and name == GENERIC_NAME and len(self._pools) == 1:
            (pool,) = self._pools.values()
        wanted, fixed = pool, True
        if pool is not None and qualifier not in ("", "$LATEST", pool.function.version):
            versions = self._versions.get(pool.function.name)
            wanted, fixed = versions.find(qualifier, pool) if versions is not None else (None, True)
        if pool is None or wanted is None:
            function = pool.function if pool else FunctionConfig(name, "", region=self._region, account_id=account)
            arn = f"arn:aws:lambda:{function.region}:{function.account_id}:function:{name}:{qualifier or '$LATEST'}"
            hint = "" if pool or not self._generic else f" (the functions here: {', '.join(self._pools)})"
            raise ApiError(404, "ResourceNotFoundException", f"Function not found: {arn}{hint}")
        return wanted, f"{pool.function.arn}:{qualifier}" if qualifier else pool.function.arn, fixed
