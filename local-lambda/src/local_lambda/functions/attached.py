"""Resources that belong to a function: its URLs, versions, aliases and settings of asynchronous invocations.

Specification: the CloudFormation pages of `AWS::Lambda::Url`, `AWS::Lambda::Version`, `AWS::Lambda::Alias` and
`AWS::Lambda::EventInvokeConfig`. What each says is read by `function_urls.py`, `versions.py` and `event_invoke.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.event_invoke import RESOURCE, read_event_invoke
from local_lambda.functions.function_urls import URL, read_url
from local_lambda.functions.intrinsics import Scope
from local_lambda.functions.properties import Properties
from local_lambda.functions.versions import ALIAS, VERSION, read_alias

ATTACHED = {URL: "TargetFunctionArn", VERSION: "FunctionName", ALIAS: "FunctionName", RESOURCE: "FunctionName"}
"""Type -> the property that names the function. An alias needs its versions, so it is read after them."""
_REMOVE_ONE = "CloudFormation refuses the second one as it already exists; remove one of them"


def attach(
    path: Path,
    resources: Iterable[tuple[str, dict[str, Any]]],
    scope: Scope,
    references: MutableMapping[str, Any],
    found: dict[str, FunctionConfig],
) -> Iterator[str]:
    """Add what the `resources` of these types say to the functions in `found`; yield a line for each not served.

    `references`, which `scope` knows, gets what `!Ref` and `!GetAtt` of versions and aliases return.
    """
    order = list(ATTACHED)
    targets = {each: name for name, function in found.items() for each in (name, function.name, function.arn)}
    attached = _Attached(references, found)
    for logical_id, resource in sorted(resources, key=lambda pair: order.index(pair[1]["Type"])):
        try:
            properties = Properties(path, logical_id, resource.get("Properties"), scope)
            names = ATTACHED[resource["Type"]]
            target = targets.get(properties.string(names) or "")
            if target is None:
                raise properties.cannot(names, "is not a function of this template")
            attached.add(resource["Type"], logical_id, target, properties)
        except UsageError as reason:
            yield f"{logical_id} is not served: {reason}"


class _Attached:
    """Adds one resource to its function, `target`. Each method raises UsageError if it cannot be served."""

    def __init__(self, references: MutableMapping[str, Any], found: dict[str, FunctionConfig]) -> None:
        self._references = references
        self._found = found

    def add(self, kind: str, logical_id: str, target: str, properties: Properties) -> None:
        """Add a resource of this type."""
        add = {URL: self._url, VERSION: self._version, ALIAS: self._alias, RESOURCE: self._event_invoke}[kind]
        add(logical_id, target, properties)

    def _url(self, logical_id: str, target: str, properties: Properties) -> None:
        if properties.string("Qualifier") not in (None, "$LATEST"):
            raise properties.cannot("Qualifier", "is not emulated; only the one of $LATEST is served")
        if self._found[target].url is not None:
            raise properties.wrong("TargetFunctionArn", f"{target} already has a function URL; {_REMOVE_ONE}")
        self._found[target] = self._found[target]._replace(url=read_url(properties))

    def _version(self, logical_id: str, target: str, properties: Properties) -> None:
        function = self._found[target]
        number = str(len(function.published) + 1)
        self._found[target] = function._replace(published=(*function.published, number))
        self._references[logical_id] = f"{function.arn}:{number}"
        self._references[f"{logical_id}.Version"] = number

    def _alias(self, logical_id: str, target: str, properties: Properties) -> None:
        function = self._found[target]
        name, alias = read_alias(properties, function)
        if name in function.aliases:
            raise properties.wrong("Name", f"{target} already has an alias {name}; {_REMOVE_ONE}")
        self._found[target] = function._replace(aliases={**function.aliases, name: alias})
        self._references[logical_id] = f"{function.arn}:{name}"

    def _event_invoke(self, logical_id: str, target: str, properties: Properties) -> None:
        function, qualifier = self._found[target], properties.string("Qualifier") or "$LATEST"
        if qualifier not in ("$LATEST", *function.published, *function.aliases):
            raise properties.cannot("Qualifier", f"{qualifier} is not a version or alias of this template")
        if qualifier in function.event_invoke:
            what = f"{target} already has settings for asynchronous invocations of {qualifier}; {_REMOVE_ONE}"
            raise properties.wrong("Qualifier", what)
        settings = read_event_invoke(logical_id, properties, function.name)
        self._found[target] = function._replace(event_invoke={**function.event_invoke, qualifier: settings})
