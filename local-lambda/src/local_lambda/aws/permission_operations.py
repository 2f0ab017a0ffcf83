"""The operations on a function's policy, which says who may invoke it. It is kept and shown; nothing here checks it.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html, and policies in
https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local_lambda.aws.checks import Document, check_members, check_revision, invalid, violation
from local_lambda.aws.function import Function, Policy
from local_lambda.aws.operation import Operation, Response, asked
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid

MAX_POLICY_BYTES = 20_480
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_CONDITIONS = {
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
}
_PATTERNS = {
    "StatementId": r"([a-zA-Z0-9-_]+)",
    "Action": r"(lambda:[*]|lambda:[a-zA-Z]+|[*])",
    "Principal": r"[^\s]+",
    "SourceAccount": r"\d{12}",
    "EventSourceToken": r"[a-zA-Z0-9._\-]+",
    "PrincipalOrgID": r"o-[a-z0-9]{10,32}",
    "FunctionUrlAuthType": r"NONE|AWS_IAM",
    "SourceArn": r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
}
"""The patterns of the API's model, by member."""
_OTHER_REVISION = (
    "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to retrieve the latest "
    "RevisionId"
)
_REQUIRED = ("StatementId", "Action", "Principal")


class PermissionOperations:
    """One method per operation, named after it."""

    async def add_permission(self, operation: Operation) -> Response:
        request = operation.request
        _check(request)
        function, qualifier = _asked(operation)
        policy = function.policies.get(qualifier) or Policy([], new_uuid())
        check_revision(request.get("RevisionId"), policy.revision, _OTHER_REVISION)
        identifier = request["StatementId"]
        if any(statement["Sid"] == identifier for statement in policy.statements):
            raise ApiError(
                409,
                "ResourceConflictException",
                f"The statement id ({identifier}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement.",
            )
        arn = function.configuration["FunctionArn"]
        statement = _statement(request, f"{arn}:{qualifier}" if qualifier else arn)
        changed = Policy([*policy.statements, statement], new_uuid())
        size = len(_text(changed).encode())
        if size > MAX_POLICY_BYTES:
            raise ApiError(
                400,
                "PolicyLengthExceededException",
                f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES}).",
            )
        function.policies[qualifier] = changed
        return 201, {"Statement": json.dumps(statement, separators=(",", ":"))}

    async def get_policy(self, operation: Operation) -> Response:
        function, qualifier = _asked(operation)
        policy = _policy(function, qualifier)
        return 200, {"Policy": _text(policy), "RevisionId": policy.revision}

    async def remove_permission(self, operation: Operation) -> Response:
        function, qualifier = _asked(operation)
        policy, identifier = _policy(function, qualifier), operation.names[1]
        check_revision(operation.query.get("RevisionId"), policy.revision, _OTHER_REVISION)
        left = [statement for statement in policy.statements if statement["Sid"] != identifier]
        if len(left) == len(policy.statements):
            raise ApiError(404, "ResourceNotFoundException", f"Statement {identifier} is not found in resource policy.")
        if left:
            function.policies[qualifier] = Policy(left, new_uuid())
        else:
            del function.policies[qualifier]
        return 204, None


def _asked(operation: Operation) -> tuple[Function, str | None]:
    """The function, and the version or alias that has the policy. Raises ApiError."""
    name, qualifier = asked(operation)
    if qualifier == "$LATEST":
        raise invalid("We currently do not support adding policies for $LATEST.")
    operation.functions.get(name, qualifier)
    return operation.functions.get(name), qualifier


def _check(request: Document) -> None:
    check_members(request, {**dict.fromkeys(_PATTERNS, str), "InvokedViaFunctionUrl": bool, "RevisionId": str})
    for member in _REQUIRED:
        if member not in request:
            raise violation(None, _shown(member), "Member must not be null")
    for member, pattern in _PATTERNS.items():
        if member in request and not re.fullmatch(pattern, request[member]):
            raise violation(
                request[member], _shown(member), f"Member must satisfy regular expression pattern: {pattern}"
            )
    if len(request["StatementId"]) > 100:
        raise violation(request["StatementId"], "statementId", "Member must have length less than or equal to 100")


def _shown(member: str) -> str:
    return member[0].lower() + member[1:]


def _statement(request: Document, arn: str) -> Document:
    """The statement of a checked request, in the form that the service gives it."""
    statement: Document = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, Any]] = {}
    for member, (operator, key) in _CONDITIONS.items():
        if member in request:
            conditions.setdefault(operator, {})[key] = request[member]
    if "InvokedViaFunctionUrl" in request:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(request["InvokedViaFunctionUrl"]).lower()}
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(given: str) -> str | Document:
    if given == "*":
        return given
    if re.fullmatch(r"\d{12}", given):
        return {"AWS": f"arn:aws:iam::{given}:root"}
    return {"AWS" if given.startswith("arn:") else "Service": given}


def _policy(function: Function, qualifier: str | None) -> Policy:
    policy = function.policies.get(qualifier)
    if policy is None:
        raise ApiError(404, "ResourceNotFoundException", "No policy is associated with the given resource.")
    return policy


def _text(policy: Policy) -> str:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": policy.statements}
    return json.dumps(document, separators=(",", ":"))
