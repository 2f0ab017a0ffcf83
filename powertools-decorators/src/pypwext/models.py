"""The base of typed requests. Needs the extra `models`."""

from __future__ import annotations

try:
    from pydantic import BaseModel
except ImportError as error:  # pragma: no cover
    raise ImportError("pypwext.models needs pydantic: pip install 'pypwext-decorators[models]'") from error


class PyPwExtModel(BaseModel):
    """A request that can be followed through all systems.

    Derive from it: fields that may be missing are written `name: Optional[str] = None`.
    """

    pypwext_id: str
    """The trace id that the first system of a chain has given, passed on and logged by all."""
