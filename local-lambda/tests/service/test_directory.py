"""How the name in a request finds a function: its name, parts of its ARN, and the qualifier behind it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from local_lambda.errors import ApiError
from local_lambda.functions.config import Alias, FunctionConfig
from local_lambda.service.directory import FunctionDirectory, Versions

NAMES = ("live", "function", "a-function")


def directory() -> FunctionDirectory:
    """Functions whose names are words of an ARN; the last one has a version and an alias."""
    pools: Any = {name: SimpleNamespace(function=FunctionConfig(name, "app.handler")) for name in NAMES}
    versions = Versions()
    versions.pools["1"] = pools["a-function"]
    versions.aliases["live"] = Alias("1", {})
    return FunctionDirectory(pools, versions={"a-function": versions})


@pytest.mark.parametrize(
    ("name", "found", "suffix"),
    [
        ("live", "live", ""),
        ("function", "function", ""),
        ("a-function", "a-function", ""),
        ("a-function:live", "a-function", ":live"),
        ("a-function:$LATEST", "a-function", ":$LATEST"),
        ("function:a-function:live", "a-function", ":live"),
        ("123456789012:function:a-function", "a-function", ""),
        ("arn:aws:lambda:us-east-1:123456789012:function:a-function:1", "a-function", ":1"),
        ("arn:aws:lambda:us-east-1:123456789012:function:live", "live", ""),
    ],
)
def test_name_finds_its_function(name: str, found: str, suffix: str) -> None:
    """The examples of API_Invoke, with names that end like the prefix of an ARN."""
    pool, arn = directory().resolve(name.encode(), b"")
    assert pool.function.name == found
    assert arn == f"arn:aws:lambda:us-east-1:123456789012:function:{found}{suffix}"


@pytest.mark.parametrize("name", ["a-function:none", "live:live", "b-function:live", "my:function:live"])
def test_name_that_finds_nothing(name: str) -> None:
    """A different function does not take its place."""
    with pytest.raises(ApiError) as caught:
        directory().resolve(name.encode(), b"")
    assert (caught.value.status, caught.value.error_type) == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("arn:aws:lambda:us-east-1:999999999999:function:live", 403, "because no resource-based policy allows"),
        ("999999999999:function:nothing", 403, "on resource: arn:aws:lambda:us-east-1:999999999999:function:nothing"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:live", 404, "not reachable in this region ('us-east-1')"),
    ],
)
def test_function_of_another_account_or_region_is_refused(name: str, status: int, words: str) -> None:
    """Whether or not a function of that name is here."""
    with pytest.raises(ApiError) as caught:
        directory().resolve(name.encode(), b"")
    assert caught.value.status == status
    assert words in caught.value.message
