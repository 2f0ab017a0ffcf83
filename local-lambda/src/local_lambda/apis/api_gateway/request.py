"""A request on its way to a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from local_lambda.http.server import Exchange


class Request(NamedTuple):
    """A request and what its route found in it: the decoded path, and the values of the path's variables."""

    exchange: Exchange
    method: str
    path: str
    variables: Mapping[str, str]
