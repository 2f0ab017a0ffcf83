"""AWS SAM and CloudFormation templates: reads the functions of a template as `FunctionConfig`.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
This delays every start, so yaml is imported only for templates that are not JSON. `intrinsics.py` resolves values such
as `!Ref` and `!Sub`, `function_resource.py` reads the properties of a function, and `bundle.py` opens code and layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.attached import ATTACHED, attach
from local_lambda.functions.config import ApiSettings, FunctionConfig
from local_lambda.functions.document import NAME_IT, read_document
from local_lambda.functions.event_invoke import generated
from local_lambda.functions.function_resource import PLAIN, SERVERLESS, FunctionReader, Layers, Notes, layer_arns
from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import NO_VALUE, STACK, Scope, Unresolvable, text
from local_lambda.functions.properties import CannotRun, Properties
from local_lambda.functions.property_names import AROUND, not_emulated_around
from local_lambda.functions.references import Names, published
from local_lambda.functions.routes import IMPLICIT_API
from local_lambda.functions.template_globals import PREFIX, unsupported, with_globals

MAX_NAME = 64
MAX_NESTED = 5
"""How deep stacks may be nested here; on AWS, too, a few levels are usual."""
_WEB_FUNCTIONS = ("AWS::Serverless::WebFunction", "AWS::Lambda::WebFunction")
_API_TYPES = ("AWS::ApiGateway", *(f"{PREFIX}{kind}" for kind in ("Api", "HttpApi", "WebSocketApi")))
"""How the types begin that describe APIs."""
_STACKS = {"AWS::Serverless::Application": "Location", "AWS::CloudFormation::Stack": "TemplateURL"}


class Functions(tuple[FunctionConfig, ...]):
    """The functions of a template that can run locally.

    `refused` has the others, each with the reason; `notes` what is different from AWS, by logical id; `remarks` are
    lines on other resources that are not served; `apis` the settings of APIs by logical id.
    """

    template: Path
    refused: tuple[tuple[FunctionConfig, UsageError], ...] = ()
    notes: Mapping[str, Notes]
    remarks: tuple[str, ...] = ()
    apis: Mapping[str, ApiSettings] = MappingProxyType({})

    def require_one(self) -> None:
        """Raises the reason if none of the functions can run: UsageError."""
        if not self and len(self.refused) == 1:
            raise self.refused[0][1]
        if not self:
            _, reason = self.refused[0]
            names = ", ".join(each.logical_id for each, _ in self.refused)
            why = str(reason).removeprefix(f"{self.template}: ")
            raise UsageError(f"{self.template}: none of its functions can run here ({names}): {why}")


def load_functions(path: Path, given: Given) -> Functions:
    """The functions of the template at `path` and of its nested stacks, in their order, and those that are refused.

    A mistake in one function is the reason to refuse that one. Raises UsageError for a template that cannot be read,
    and if it has no function.
    """
    reading = _Reading()
    template = _Template(path, given, reading)
    template.read()
    if not reading.found and not reading.refused:
        why = "".join(f" ({line})" for line in template.unknown[:1])
        raise UsageError(f"{path}: Resources: there is no function; add a resource of Type {SERVERLESS}{why}")
    functions = Functions(reading.found)
    functions.template, functions.notes = path, reading.notes
    functions.refused, functions.remarks = tuple(reading.refused), tuple(reading.remarks)
    functions.apis = reading.apis
    return functions


def select(functions: Functions, wanted: str | None) -> FunctionConfig:
    """The function whose logical id, name or ARN is `wanted`, or the only one. Raises UsageError."""
    if wanted is None:
        functions.require_one()
        if len(functions) == 1:
            return functions[0]
    for function in functions:
        if wanted in _names(function):
            return function
    for function, reason in functions.refused:
        if wanted in _names(function):
            raise reason
    known = [function.logical_id for function in (*functions, *(refused for refused, _ in functions.refused))]
    names = ", ".join(known)
    if wanted is None:
        raise UsageError(f"{functions.template}: there are several functions; name one of: {names}")
    raise UsageError(f"{functions.template}: there is no function {wanted}; name one of: {names}")


def _names(function: FunctionConfig) -> tuple[str, ...]:
    return function.logical_id, function.name, function.arn, f"{function.arn}:{function.version}"


class _Reading:
    """What has been read so far, of all stacks."""

    def __init__(self) -> None:
        self.found: list[FunctionConfig] = []
        self.refused: list[tuple[FunctionConfig, UsageError]] = []
        self.notes: dict[str, Notes] = {}
        self.remarks: list[str] = []
        self.apis: dict[str, ApiSettings] = {}
        self.names: dict[str, str] = {}
        """The logical ids of all functions, by name."""
        self.layers: Layers = {}


class _Template:
    """The template of a stack. `stack` has the logical ids of the stacks around it, each with a slash after it."""

    def __init__(self, path: Path, given: Given, reading: _Reading, stack: str = "") -> None:
        from local_lambda.functions.expansion import Expansion
        from local_lambda.functions.parameters import check_parameters, check_rules
        from local_lambda.functions.recognized import unrecognized
        from local_lambda.functions.transforms import Transforms

        self._path = path
        self._given = given
        self._reading = reading
        self._stack = stack
        document = read_document(path, "correct its path in the template around it" if stack else NAME_IT)
        parameters = _section(path, document, "Parameters")
        self._has_parameters = bool(parameters)
        mappings = _section(path, document, "Mappings")
        conditions = _section(path, document, "Conditions")
        self._all_globals = _section(path, document, "Globals")
        self._globals = _section(path, self._all_globals, "Function")
        check_parameters(path, parameters, given)
        scope, transforms = Scope(parameters, mappings, {}, {}, given), Transforms(path, document)
        unchecked = list(check_rules(path, _section(path, document, "Rules"), scope))
        expansion = Expansion(scope, transforms)
        try:
            conditions = expansion.expand(conditions)
            self._resources: dict[str, Any] = expansion.expand(_section(path, document, "Resources"))
            self._outputs: dict[str, Any] = expansion.expand(_section(path, document, "Outputs"))
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
        for logical_id in self._resources:
            if not isinstance(logical_id, str):  # such as Off, No and 1
                what = f"a logical id is {logical_id!r} to YAML, not text; put it in quotes"
                raise UsageError(f"{path}: Resources: {what}")
        names = Scope(parameters, mappings, conditions, {}, given)
        self._resources = {**generated(self._resources, self._globals, names), **self._resources}
        self._known = Names(document, self._resources, conditions)
        arns = layer_arns(self._resources, names, given, stack, reading.layers)
        self._references: dict[str, Any] = {**arns}
        if given.deploy is not None:
            given = given._replace(values=given.deploy(self._resources, stack, lambda: self._scope))
            self._given = given
        name = "-".join((STACK, *stack.split("/")[:-1]))
        self._scope = Scope(
            parameters, mappings, conditions, self._references, given, self._known.rename, self._output_of, name
        )
        self.unknown = list(transforms.remarks)
        if self._known.complete:
            self.unknown += unrecognized(self._resources)
        """Lines on what may be functions on AWS."""
        self._remarks = [*self.unknown, *unchecked]
        self._schemes: dict[str, dict[str, Any]] = {}
        self._reader = FunctionReader(path, self._resources, self._scope, given, reading.layers, arns)
        self._named: dict[str, tuple[str, Properties]] | None = None
        self._children: dict[str, _Template | None] = {}
        self._opening: set[str] = set()

    def read(self) -> None:
        """Add its functions to the reading."""
        reader = self._reader
        found: dict[str, FunctionConfig] = {}
        for logical_id, (name, properties) in self._functions().items():
            try:
                for where, fault in self._known.faults("Resources", self._resources[logical_id], properties.values):
                    raise properties.wrong(where, fault)
                found[logical_id] = reader.function(logical_id, name, properties)
            except UsageError as reason:
                self._refuse(logical_id, reason, name)
        for logical_id, _ in self._wanted(*_WEB_FUNCTIONS):
            what = "web functions are not emulated; local-lambda runs functions that have a handler"
            self._refuse(logical_id, CannotRun(f"{self._path}: {logical_id}: {what}"))
        self._add_globals()
        others = self._others()
        self._add_routes(found, others)
        self._attach(found)
        self._note_doubles(found)
        self._read_apis(found)
        self._note_around(found)
        self._note_unresolved()
        for logical_id, function in found.items():
            routes = tuple(route._replace(api=self._api_id(route.api)) for route in function.routes)
            self._reading.found.append(function._replace(logical_id=self._stack + logical_id, routes=routes))
            notes = self._with_triggers(logical_id, function.name, reader.notes[logical_id], others)
            self._reading.notes[self._stack + logical_id] = notes
        children = {logical_id: self._child(logical_id) for logical_id, _ in self._wanted(*_STACKS)}
        self._reading.remarks += (f"{self._stack}{remark}" for remark in self._remarks)
        for logical_id, child in children.items():
            try:
                if child is not None:
                    child.read()
            except UsageError as reason:
                self._reading.remarks.append(f"{self._stack}{logical_id} is left out: {reason}")

    def output(self, name: str) -> tuple[str, bool]:
        """The value of an output, and whether a stand-in is in it. Raises Unresolvable."""
        from local_lambda.functions.stand_ins import StandIns

        outputs = {
            str(each): output["Value"]
            for each, output in self._outputs.items()
            if isinstance(output, dict) and "Value" in output and self._holds(output.get("Condition"))
        }
        if name not in outputs:
            known = ", ".join(outputs) or "none"
            raise Unresolvable(f"{self._path} has no output {name}; its outputs: {known}")
        self._functions()  # now it is known what references to them return
        stand_ins = StandIns(self._resources, self._given)
        value = self._scope.with_stand_ins(stand_ins).resolve(outputs[name])
        try:
            return text(value), bool(stand_ins.used)
        except TypeError:
            raise Unresolvable(f"{self._path}: Outputs.{name}.Value: must be a string; join a list") from None

    def _functions(self) -> dict[str, tuple[str, Properties]]:
        """Names and properties of the functions by logical id."""
        if self._named is None:
            self._named = {}
            for logical_id, function in self._name_functions():
                self._named[logical_id] = function
        return self._named

    def _refuse(self, logical_id: str, reason: UsageError, name: str | None = None) -> None:
        function = FunctionConfig(name or logical_id, handler="", logical_id=self._stack + logical_id)
        self._reading.refused.append((function, reason))

    def _wanted(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of these types that the conditions include; functions that they exclude are refused."""
        for logical_id, resource in self._resources.items():
            if not isinstance(resource, dict) or resource.get("Type") not in types:
                continue
            condition = resource.get("Condition")
            if not isinstance(condition, str) or self._holds(condition):
                yield logical_id, resource
            elif resource["Type"] in (SERVERLESS, PLAIN):
                where = f"{self._path}: {logical_id}.Condition"
                advice = "change a parameter of it with --parameter-overrides"
                if not self._has_parameters:
                    advice = "the template has no parameter that could change it"
                self._refuse(logical_id, CannotRun(f"{where}: {condition} is false here; {advice}"))

    def _others(self) -> dict[str, dict[str, Any]]:
        """The resources, as far as the conditions include them, that are neither functions nor stacks."""
        types = {str(each.get("Type")) for each in self._resources.values() if isinstance(each, dict)}
        return dict(self._wanted(*(types - {SERVERLESS, PLAIN, *_STACKS})))

    def _holds(self, condition: Any) -> bool:
        try:
            return not isinstance(condition, str) or self._scope.condition(condition)
        except Unresolvable:
            return True

    def _name_functions(self) -> Iterator[tuple[str, tuple[str, Properties]]]:
        """Logical id, name and properties of each function. Fills in what `!Ref` and `!GetAtt` of them return."""
        known = self._reading.names
        for logical_id, resource in self._wanted(SERVERLESS, PLAIN):
            values = resource.get("Properties")
            values = {} if values is None else values
            if resource["Type"] == SERVERLESS and isinstance(values, dict):
                values = with_globals(resource, self._all_globals)
            try:
                properties = Properties(self._path, logical_id, values, self._scope)
                name = _function_name(properties)
                if name is None:
                    name = self._free_name(logical_id, known)
                if name in known:
                    raise properties.wrong(
                        "FunctionName", f"'{name}' is also the name of {known[name]}; use another one"
                    )
            except UsageError as reason:
                self._refuse(logical_id, reason)
                continue
            known[name] = self._stack + logical_id
            place = f"{self._given.region}:{self._given.account}"
            self._references[logical_id] = name
            self._references[f"{logical_id}.Arn"] = f"arn:{self._given.partition}:lambda:{place}:function:{name}"
            if values.get("AutoPublishAlias") is not None:
                with suppress(UsageError):  # said when the function is read
                    arn, alias = self._references[f"{logical_id}.Arn"], properties.string("AutoPublishAlias")
                    self._references |= published(logical_id, arn, str(alias))
            yield logical_id, (name, properties)

    def _free_name(self, logical_id: str, known: Mapping[str, str]) -> str:
        """The name of a function that has none: on AWS its beginning is the stack's name."""
        name = logical_id[:MAX_NAME]
        return name if name not in known else f"{self._stack.replace('/', '-')}{logical_id}"[-MAX_NAME:].lstrip("-")

    def _add_globals(self) -> None:
        """Give `Globals` to the resources that are not functions; what SAM does not allow there is a remark."""
        self._remarks += unsupported(self._all_globals)
        for logical_id, resource in self._resources.items():
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if kind != SERVERLESS and str(kind).startswith(PREFIX):
                self._resources[logical_id] = {**resource, "Properties": with_globals(resource, self._all_globals)}

    def _add_routes(self, found: dict[str, FunctionConfig], others: Mapping[str, dict[str, Any]]) -> None:
        """Give the functions the routes that API resources among `others` describe."""
        from local_lambda.functions.api_definitions import ApiDefinitions
        from local_lambda.functions.event_routes import join
        from local_lambda.functions.stand_ins import StandIns

        events = {logical_id: function.routes for logical_id, function in found.items()}
        named = {route.api for routes in events.values() for route in routes} - set(IMPLICIT_API.values())
        if not named and not any(str(each["Type"]).startswith(_API_TYPES) for each in others.values()):
            return
        scope = self._scope.with_stand_ins(StandIns(self._resources, self._given))
        by_name = {function.name: logical_id for logical_id, function in found.items()}
        definitions = ApiDefinitions(self._path, others, scope, by_name).read()
        self._schemes = definitions.schemes
        joined, remarks = join(events, definitions, self._resources)
        self._remarks += remarks
        for logical_id, routes in joined.items():
            found[logical_id] = found[logical_id]._replace(routes=routes)

    def _note_doubles(self, found: Mapping[str, FunctionConfig]) -> None:
        """Name the routes that a function has twice; those of two functions keep the command from starting."""
        for logical_id, function in found.items():
            keys = [(route.method, route.path, route.api) for route in function.routes]
            for method, path, api in dict.fromkeys(key for key in keys if keys.count(key) > 1):
                what = f"{logical_id} has the route {method} {path} of {api} more than once"
                self._remarks.append(f"{what}: the first is served; remove the others, which AWS refuses")

    def _attach(self, found: dict[str, FunctionConfig]) -> None:
        """Give the functions the resources that belong to them."""
        wanted = list(self._wanted(*ATTACHED))
        if wanted:
            from local_lambda.functions.stand_ins import StandIns

            scope = self._scope.with_stand_ins(StandIns(self._resources, self._given))
            self._remarks += attach(self._path, wanted, scope, self._references, found)

    def _read_apis(self, found: Mapping[str, FunctionConfig]) -> None:
        """Read the settings of APIs that have routes."""
        routes = [route for function in found.values() for route in function.routes]
        if not routes:
            return
        from local_lambda.functions.api_settings import ApiSettingsReader
        from local_lambda.functions.stand_ins import StandIns

        scope = self._scope.with_stand_ins(StandIns(self._resources, self._given))
        names = [function.name for function in found.values()]
        reader = ApiSettingsReader(self._path, self._resources, self._all_globals, scope, names)
        self._reading.apis |= {
            self._api_id(api): settings for api, settings in reader.read(routes, self._schemes).items()
        }
        self._remarks += reader.remarks

    def _api_id(self, logical_id: str) -> str:
        """The id of an API: that of a nested stack is a different one, even if its logical id is the same."""
        return self._stack.replace("/", "-") + logical_id

    def _note_around(self, found: Mapping[str, FunctionConfig]) -> None:
        """Name the properties of the resources around the functions that are not emulated.

        A resource that is not served at all is named already, and then the routes and stages of an API are too.
        """
        around = [(logical_id, resource["Type"], resource) for logical_id, resource in self._wanted(*AROUND)]
        called = {route.api for function in found.values() for route in function.routes}
        for event, logical_id in IMPLICIT_API.items():
            if logical_id in called and logical_id not in self._resources:
                common = {"Properties": self._all_globals.get(event)}
                around.append((logical_id, f"AWS::Serverless::{event}", common))
        unserved = {remark.partition(" is not served: ")[0] for remark in self._remarks}
        for logical_id, kind, resource in around:
            values = resource.get("Properties")
            if not isinstance(values, dict) or unserved.intersection((logical_id, *_apis_of(values))):
                continue
            missing = list(not_emulated_around(kind, {name: self._plain(each) for name, each in values.items()}))
            if missing:
                self._remarks.append(f"{logical_id}: not emulated: {', '.join(missing)}")

    def _plain(self, value: Any) -> Any:
        """The value of a property; as it is written if only AWS knows it, None if it is `AWS::NoValue`."""
        with suppress(Unresolvable):
            value = self._scope.resolve_outermost(value)
        return None if value is NO_VALUE else value

    def _with_triggers(self, logical_id: str, name: str, notes: Notes, others: Mapping[str, Any]) -> Notes:
        """The notes on a function, with the resources among `others` that invoke it on AWS."""
        from local_lambda.functions.triggers import triggers

        found = tuple(triggers(others, logical_id, name))
        missing = ", ".join(name for name, served in found if not served)
        if missing and self._given.deploy is None:
            self._remarks.append(f"{logical_id} is not invoked by {missing}: not emulated")
        return notes._replace(events=(*notes.events, *(name for name, served in found if served)))

    def _note_unresolved(self) -> None:
        """Name the references that lead nowhere in outputs, and in resources that are not functions."""
        for block, entries in (("Resources", self._resources), ("Outputs", self._outputs)):
            for logical_id, entry in entries.items():
                if not isinstance(entry, dict) or (block == "Resources" and logical_id in self._functions()):
                    continue
                values = entry.get("Properties") if block == "Resources" else {"Value": entry.get("Value")}
                for where, fault in self._known.faults(block, entry, values):
                    self._remarks.append(f"{logical_id}.{where}: {fault}")

    def _output_of(self, logical_id: str, name: str) -> tuple[str, bool] | None:
        """The value of an output of a nested stack, as `output` returns it; None if its template cannot be read."""
        child = self._child(logical_id)
        return None if child is None else child.output(name)

    def _child(self, logical_id: str) -> _Template | None:
        """The template of a nested stack, opened when it is first needed. None if it cannot be; a remark says why."""
        if logical_id in self._opening:
            circle = ", ".join(sorted(self._opening))
            raise Unresolvable(f"Circular dependency between resources: [{circle}]; break the circle")
        if logical_id not in self._children:
            self._opening.add(logical_id)
            try:
                self._children[logical_id] = self._open(logical_id)
            finally:
                self._opening.discard(logical_id)
        return self._children[logical_id]

    def _open(self, logical_id: str) -> _Template | None:
        """Open a nested stack whose template is a file; anything else is a remark."""
        resource = dict(self._wanted(*_STACKS)).get(logical_id)
        if resource is None:
            return None
        values = resource.get("Properties")
        values = values if isinstance(values, dict) else {}
        place = values.get(_STACKS[resource["Type"]])
        if not isinstance(place, str) or "://" in place:
            self._remarks.append(f"{logical_id} is left out: its template is not on this machine")
            return None
        if self._stack.count("/") >= MAX_NESTED:
            self._remarks.append(f"{logical_id} is left out: stacks are nested more than {MAX_NESTED} deep")
            return None
        given = self._given._replace(parameters=self._handed_down(logical_id, values.get("Parameters")), values={})
        try:
            return _Template(self._path.parent / place, given, self._reading, f"{self._stack}{logical_id}/")
        except UsageError as reason:
            self._remarks.append(f"{logical_id} is left out: {reason}")
            return None

    def _handed_down(self, logical_id: str, written: Any) -> dict[str, str]:
        """The parameters of a nested stack. Stand-ins in them, and parameters without a value here, are remarks."""
        from local_lambda.functions.stand_ins import StandIns

        stand_ins = StandIns(self._resources, self._given)
        scope = self._scope.with_stand_ins(stand_ins)
        parameters: dict[str, str] = {}
        for name, value in written.items() if isinstance(written, dict) else ():
            try:
                value = scope.resolve(value)
                parameters[str(name)] = ",".join(map(text, value)) if isinstance(value, list) else text(value)
            except (Unresolvable, TypeError) as error:
                why = error if isinstance(error, Unresolvable) else "must be a string"
                self._remarks.append(f"{logical_id}.Parameters.{name}: {why}")
        if stand_ins.used:
            used = ", ".join(f"{what} ({value})" for what, value in stand_ins.used.items())
            self._remarks.append(f"{logical_id} has stand-ins in its parameters: {used}")
        return parameters


def _apis_of(properties: Mapping[str, Any]) -> Iterator[str]:
    """The logical id of the API that a resource is a part of."""
    for name in ("ApiId", "RestApiId"):
        value = properties.get(name)
        if isinstance(value, dict) and isinstance(value.get("Ref"), str):
            yield value["Ref"]


def _function_name(properties: Properties) -> str | None:
    """The `FunctionName`; None if there is none, or only AWS knows it: locally any name works."""
    try:
        name = properties.string("FunctionName")
    except CannotRun:
        return None
    if name is not None and not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        raise properties.wrong("FunctionName", f"'{name}' is not a name; use up to 64 letters, digits, - and _")
    return name


def _section(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        section = {}
    if not isinstance(section, dict):
        raise UsageError(f"{path}: {name}: must be a mapping; give it names and values")
    return section
