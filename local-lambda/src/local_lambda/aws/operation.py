"""One call of an operation of Lambda's control plane, and helpers that several operations share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from local_lambda.aws.checks import Document, function_name, invalid
from local_lambda.aws.function import Function
from local_lambda.aws.functions import FunctionRegistry
from local_lambda.aws.packages import Package, sent_zip
from local_lambda.aws.services import Request, Services, signed

Response = tuple[int, Document | None]
"""HTTP status and document."""
PAGE = 50
PACKAGES = "/packages/"
"""Prefix of the packages' paths; the hash that names a package is known only from a response."""


class Operation(NamedTuple):
    """One call of an operation. `names` are the variable parts of its path; `key` is the caller's access key."""

    functions: FunctionRegistry
    names: Sequence[str]
    query: Mapping[str, str]
    request: Document
    key: str
    body: bytes
    """The request as it came."""
    origin: str
    """`http://host:port`, the address that the caller used for this endpoint."""


def asked(operation: Operation) -> tuple[str, str | None]:
    """The name and qualifier of the function in a path and its query. Raises ApiError if it has two qualifiers."""
    name, qualifier = function_name(operation.names[0])
    given = operation.query.get("Qualifier")
    if qualifier and given and qualifier != given:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return name, qualifier or given


def latest(operation: Operation) -> Function:
    """The function that an operation changes; its versions cannot be changed."""
    name, qualifier = asked(operation)
    if qualifier not in (None, "$LATEST"):  # the words are in https://github.com/appleboy/lambda-action/issues/6
        raise invalid("Current operation does not support versions other than $LATEST.")
    return operation.functions.get(name)


async def code_of(services: Services, operation: Operation, code: Document) -> bytes:
    """The zip package that a request contains, or refers to in S3."""
    if "ZipFile" in code:
        return sent_zip(code)
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not (isinstance(bucket, str) and isinstance(key, str)):
        raise invalid("Please provide a source for function code.")
    version = code.get("S3ObjectVersion")
    answer = await services.call(
        Request(
            "GET",
            f"/{quote(bucket)}/{quote(key)}",
            f"versionId={quote(str(version))}" if version else "",
            [signed("s3", operation.functions.region, operation.key)],
        )
    )
    if answer.status != 200:
        found = re.search(rb"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", answer.body, re.DOTALL)
        reason, text = (part.decode() for part in found.groups()) if found else (str(answer.status), "")
        raise invalid(f"Error occurred while GetObject. S3 Error Code: {reason}. S3 Error Message: {text}")
    return answer.body


def location(operation: Operation, package: Package) -> str:
    """The URL of the package."""
    return f"{operation.origin}{PACKAGES}{quote(package.sha256, safe='')}"


def page(member: str, items: list[Document], query: Mapping[str, str]) -> Document:
    """One page of a list; the marker is the number of the next item."""
    start = number(query.get("Marker", "0"))
    end = start + min(max(number(query.get("MaxItems", str(PAGE))), 1), PAGE)
    document: Document = {member: items[start:end]}
    if end < len(items):
        document["NextMarker"] = str(end)
    return document


def number(text: str) -> int:
    """The number in a path. Raises ApiError if it is not a number."""
    if not text.isdecimal():
        raise invalid(f"{text} is not a number")
    return int(text)
