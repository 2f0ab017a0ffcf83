"""The vocabulary that log rows and errors share: keywords, classifications, and what an object may offer to be encoded.

Nothing here imports another module of the package.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Callable, Dict, Optional, Protocol, Union, runtime_checkable

# The keywords are the keys of the JSON that is written, so that one search finds all rows of all services.
Message = "msg"
Classification = "classification"
LogType = "type"
Operation = "operation"
Arguments = "args"
Return = "return"
Error = "error"


class InfoClassification(IntEnum):
    """How sensitive the information in a row or an error is; a higher number needs more care."""

    NA = 0
    AUTHORIZATION_INFO = 50
    CORPORATE_SENSITIVE_INFO = 70
    PII = 100


class LogEntryType(IntEnum):
    """What a row is for: an ordinary one, or one that an audit will ask for."""

    STD = 0
    AUDIT = 1


@runtime_checkable
class SupportsToJson(Protocol):
    """An object that renders itself as JSON: as text, or as a value that JSON can hold."""

    def json(self, default: Optional[Callable[[Any], Any]] = None) -> Union[str, Dict[str, Any]]: ...


@runtime_checkable
class SupportsToCuratedDict(Protocol):
    """An object that renders itself as a dict with what it wants to show."""

    def dict(self) -> Dict[str, Any]: ...
