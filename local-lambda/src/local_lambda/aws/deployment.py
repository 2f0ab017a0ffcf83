"""The resources that a template declares, on the local AWS endpoint: made when they are needed, or at the end.

The reader of templates asks for the values of `!Ref` and `!GetAtt`, and gets those of what exists in moto. A resource
is made once, also when the template is read again: its data stay, and changes of its properties need a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

from local_lambda.aws.resource_properties import unknown
from local_lambda.aws.resources import KINDS, NO_EFFECT, Resource, create
from local_lambda.aws.services import Services, reason_of_service
from local_lambda.errors import UsageError
from local_lambda.events.printable import one_line
from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import Scope, Unresolvable
from local_lambda.functions.recognized import exists
from local_lambda.functions.stand_ins import StandIns
from local_lambda.functions.triggers import triggers

FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_NESTED = "AWS::CloudFormation::Stack"
_NO_NUMBER = ("invalid literal for int()", "could not convert string to float")
"""How Python refuses a text that is not a number, where moto expects one."""
MOST_NAMED = 20
"""How many resources one line names."""


def reason_in(error: Exception) -> str:
    """Why a service, or the code that reads a template for it, refuses something: in one line."""
    if isinstance(error, KeyError) and len(error.args) == 1 and not hasattr(error, "message"):
        return f"{error.args[0]} is missing"
    if isinstance(error, (AttributeError, IndexError, TypeError)) or str(error).startswith(_NO_NUMBER):
        return f"its properties are malformed ({error})"
    return one_line(reason_of_service(error))


class Deployments:
    """What the stacks of a template have made. Used before the event loop runs, or outside of it."""

    def __init__(self, services: Services, url: str, given: Given) -> None:
        self._services = services
        self._url = url
        self._given = given
        self._made: dict[str, Resource] = {}
        self.stacks: dict[str, Stack] = {}

    def deploy(self, resources: Mapping[str, Any], stack: str, scope: Callable[[], Scope]) -> Stack:
        """The values of a stack's resources. `scope` resolves what their properties say, once it is known."""
        self.stacks[stack] = Stack(self, resources, stack, scope, self._given)
        return self.stacks[stack]

    def complete(self) -> list[str]:
        """Make what nothing has referred to. Returns a line for each resource that cannot be made.

        Resources of types that are not served share one line.
        """
        unserved: list[str] = []
        faults: list[str] = []
        for stack in self.stacks.values():
            stack.complete(unserved, faults)
        if unserved:
            more = f" and {len(unserved) - MOST_NAMED} more" if len(unserved) > MOST_NAMED else ""
            named = ", ".join(unserved[:MOST_NAMED])
            faults.insert(0, f"not made, because --aws does not serve them: {named}{more}")
        return faults

    def dynamic(self, reference: str) -> str:
        """What `{{resolve:ssm:/name}}` and the like stand for. Raises UsageError."""
        from local_lambda.aws.dynamic import look_up

        for stack in self.stacks.values():
            stack.make("AWS::SSM::Parameter", "AWS::SecretsManager::Secret")
        return self._services.run(partial(look_up, reference, self._given.account, self._given.region)).result()

    def made(self, name: str) -> Resource | None:
        """A resource by stack and logical id, if it was made before."""
        return self._made.get(name)

    def create(self, stack: str, kind: str, logical_id: str, properties: Mapping[str, Any]) -> Resource:
        """Make a resource. Raises UsageError with moto's reason.

        One without a name has its logical id as name, after those of the stacks around it.
        """
        given, name = self._given, f"{stack}{logical_id}"
        job = partial(create, kind, name.replace("/", "-"), properties, given.account, given.region)
        try:
            model = self._services.run(job).result()
        except Exception as error:  # each service has its own
            raise UsageError(reason_in(error)) from None
        self._made[name] = Resource(kind, model, self._url)
        return self._made[name]


class Stack(Mapping[str, Any]):
    """The values of `!Ref` (`Table`) and `!GetAtt` (`Table.Arn`) of a stack's resources."""

    def __init__(
        self,
        deployments: Deployments,
        resources: Mapping[str, Any],
        name: str,
        scope: Callable[[], Scope],
        given: Given,
    ) -> None:
        self.resources = resources
        self.name = name
        self._deployments = deployments
        self._find_scope = scope
        self._given = given
        self._stand_ins = StandIns(resources, given)
        self._making: set[str] = set()
        self._faults: dict[str, str] = {}

    @property
    def scope(self) -> Scope:
        """Resolves what the template says, with a stand-in for what has no value here."""
        return self._find_scope().with_stand_ins(self._stand_ins)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._value(name) is not None

    def __getitem__(self, name: str) -> Any:
        value = self._value(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    def resolve(self, value: Any) -> Any:
        """A value with its references resolved. Raises Unresolvable, and UsageError for an attribute that is missing.

        A stand-in for an attribute of a resource that exists would lead nowhere.
        """
        stand_ins = StandIns(self.resources, self._given)
        resolved = self._find_scope().with_stand_ins(stand_ins).resolve(value)
        for used in stand_ins.used:
            owner, _, attribute = used.removeprefix("!GetAtt ").partition(".")
            if attribute and owner in self:
                stream = "; give it a StreamSpecification" if attribute == "StreamArn" else ""
                raise UsageError(f"{owner} has no attribute {attribute} here{stream}")
        return resolved

    def included(self, *kinds: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Logical id, type and properties, as written, of the resources that the conditions include."""
        for logical_id, resource in self.resources.items():
            if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
                continue
            kind, properties = resource["Type"], resource.get("Properties")
            if (not kinds or kind in kinds) and self._holds(resource.get("Condition")):
                yield logical_id, kind, properties if isinstance(properties, dict) else {}

    def make(self, *kinds: str) -> None:
        """Make the resources of these types."""
        for logical_id, _, _ in self.included(*kinds):
            self._resource(logical_id)

    @cached_property
    def invokers(self) -> dict[str, list[str]]:
        """By the logical id of a function: the resources that invoke it on AWS and are not served, with their types."""
        resources = {logical_id: self.resources[logical_id] for logical_id, _, _ in self.included()}
        found = {}
        for logical_id, _, _ in self.included(*FUNCTIONS):
            with suppress(Unresolvable):
                name = str(self.scope.resolve({"Ref": logical_id}))
                found[logical_id] = [each for each, served in triggers(resources, logical_id, name) if not served]
        return found

    def complete(self, unserved: list[str], faults: list[str]) -> None:
        """Make the rest; add the resources of types that are not served, and a line for each other fault."""
        invokers = {each for found in self.invokers.values() for each in found}  # their lines name the functions
        for logical_id, kind, properties in self.included():
            fault = unknown(kind, properties)
            if fault is not None:
                faults.append(f"{self.name}{logical_id}: {fault}")
            if kind in KINDS:
                self._resource(logical_id)
            elif exists(kind) and not (
                kind.startswith(NO_EFFECT) or kind == _NESTED or f"{logical_id} ({kind})" in invokers
            ):
                unserved.append(f"{self.name}{logical_id} ({kind})")
        faults += self._faults.values()

    def _holds(self, condition: Any) -> bool:
        try:
            return not isinstance(condition, str) or self.scope.condition(condition)
        except Unresolvable:
            return True

    def _value(self, name: str) -> Any:
        logical_id, _, attribute = name.partition(".")
        resource = self._resource(logical_id)
        if resource is None:
            return None
        return resource.attribute(attribute) if attribute else resource.reference

    def _resource(self, logical_id: str) -> Resource | None:
        """The resource, made when it is first asked for; None if it is not one of those that are served."""
        name = f"{self.name}{logical_id}"
        made = self._deployments.made(name)
        if made is not None or logical_id in self._making or logical_id in self._faults:
            return made
        resource = self.resources.get(logical_id)
        if not isinstance(resource, dict) or resource.get("Type") not in KINDS:
            return None
        if not self._holds(resource.get("Condition")):
            return None
        self._making.add(logical_id)
        try:
            properties = self.resolve(resource.get("Properties") or {})
            if not isinstance(properties, dict):
                raise UsageError("Properties must be a mapping")
            return self._deployments.create(self.name, resource["Type"], logical_id, _without_events(properties))
        except (UsageError, Unresolvable) as error:
            self._faults[logical_id] = f"{name} ({resource['Type']}) cannot be made: {error}"
            return None
        finally:
            self._making.discard(logical_id)


def _without_events(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without those that lead to functions, which `wiring.py` sets when there are functions."""
    return {name: value for name, value in properties.items() if name not in ("NotificationConfiguration", "Targets")}
