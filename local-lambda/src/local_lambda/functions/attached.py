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

ATTACHED = {VERSION: "FunctionName", ALIAS: "FunctionName", URL: "TargetFunctionArn", RESOURCE: "FunctionName"}
"""Type -> the property that names the function, in the order in which one needs the other."""
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

    def target_of(text: str) -> tuple[str | None, str | None]:
        """The function that a name or an ARN is of, and its qualifier."""
        name, colon, qualifier = (text, "", "") if text in targets else text.rpartition(":")
        return targets.get(name), qualifier if colon else None

    attached = _Attached(references, found)
    for logical_id, resource in sorted(resources, key=lambda pair: order.index(pair[1]["Type"])):
        try:
            properties = Properties(path, logical_id, resource.get("Properties"), scope)
            names = ATTACHED[resource["Type"]]
            target, qualifier = target_of(properties.string(names) or "")
            if target is None or (qualifier is not None and resource["Type"] != URL):
                raise properties.cannot(names, "is not a function of this template")
            attached.add(resource["Type"], logical_id, target, properties, qualifier)
        except UsageError as reason:
            yield f"{logical_id} is not served: {reason}"


class _Attached:
    """Adds one resource to its function, `target`. Each method raises UsageError if it cannot be served."""

    def __init__(self, references: MutableMapping[str, Any], found: dict[str, FunctionConfig]) -> None:
        self._references = references
        self._found = found

    def add(self, kind: str, logical_id: str, target: str, properties: Properties, qualifier: str | None) -> None:
        """Add a resource of this type. `qualifier` is that of the function's name or ARN."""
        if kind == URL:
            self._url(target, properties, qualifier)
        else:
            add = {VERSION: self._version, ALIAS: self._alias, RESOURCE: self._event_invoke}[kind]
            add(logical_id, target, properties)

    def _url(self, target: str, properties: Properties, qualifier: str | None) -> None:
        function = self._found[target]
        qualifier = properties.string("Qualifier") or qualifier or "$LATEST"
        if qualifier not in ("$LATEST", *function.aliases):
            raise properties.cannot("Qualifier", f"{qualifier} is not an alias of {target} in this template")
        if qualifier in function.urls:
            what = f"{target} already has a function URL for {qualifier}; {_REMOVE_ONE}"
            raise properties.wrong("TargetFunctionArn", what)
        urls = {**function.urls, qualifier: read_url(properties)}
        self._found[target] = function._replace(urls=urls)

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
