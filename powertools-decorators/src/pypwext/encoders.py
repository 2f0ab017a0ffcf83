"""Turns any value into JSON: what services answer, what rows and errors carry.

Two promises hold for every value: the text is valid JSON, and there is a text. What JSON has no form for (NaN, keys
that are tuples, objects that contain themselves) gets a readable stand-in, because a lost log row is of no use.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, Optional

from ._conversions import convert, make_plain

Hook = Callable[[Any], Any]


class PyPwExtJSONEncoder(json.JSONEncoder):
    """Encodes for `json.dumps(value, cls=PyPwExtJSONEncoder)`; an instance also serves as `default=` function.

    prehook sees each value that JSON does not know before this class does. It returns what to encode in its place, or
    None when the value is not its business; raising TypeError, as functions for `json.dumps(default=)` do, means the
    same.
    """

    def __init__(self, prehook: Optional[Hook] = None, *args: Any, **kwargs: Any) -> None:
        # A function given as default= would replace the method below; asked first, it keeps its say and so do we.
        self.hooks = [hook for hook in (prehook, kwargs.pop("default", None)) if hook is not None]
        # NaN is not JSON. Refused here, it comes back as text from the second attempt in iterencode.
        kwargs["allow_nan"] = False
        super().__init__(*args, **kwargs)

    def __call__(self, o: Any) -> Any:
        """Do what `default` does, so that an instance can be passed where a function is expected."""
        return self.default(o)

    def default(self, o: Any) -> Any:
        """Return a value that stands for o and is nearer to JSON; it may contain objects for a next call."""
        for hook in self.hooks:
            try:
                value = hook(o)
            except TypeError:
                continue
            if value is not None:
                return value
        return convert(o)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yield the text of o in pieces."""
        if not _one_shot:
            # Pieces may have been written before something odd shows up, so there can be no second attempt.
            return super().iterencode(make_plain(o, self.default))
        try:
            return iter(list(super().iterencode(o, _one_shot=True)))
        except (TypeError, ValueError, RecursionError):
            return super().iterencode(make_plain(o, self.default), _one_shot=True)


def dumps(value: Any, hook: Optional[Hook] = None, **options: Any) -> str:
    """Return value as JSON text; options are those of `json.dumps`."""
    return json.dumps(value, cls=PyPwExtJSONEncoder, prehook=hook, **options)


class RowSerializer:
    """Serializes log rows: compact, one line, and never without a result.

    Loggers of one service share a formatter and with it this object, so each may add its own hook.
    """

    def __init__(self, indent: Optional[int] = None) -> None:
        self._options: Dict[str, Any] = {"separators": (",", ":"), "indent": indent}
        self.encoder = PyPwExtJSONEncoder(ensure_ascii=False, **self._options)

    def add_hook(self, hook: Hook) -> None:
        """Ask hook for values JSON does not know, after those that were added before."""
        if hook not in self.encoder.hooks:
            self.encoder.hooks.append(hook)

    def __call__(self, row: Dict[str, Any]) -> str:
        """Return the row as one line of JSON."""
        try:
            text = self.encoder.encode(row)
        except Exception as error:  # a broken hook, or an object whose attributes raise
            row = {**make_plain(row, convert), "encoder_error": repr(error)}
            text = self.encoder.encode(row)
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:  # UTF-8, in which rows are written, has no form for half a surrogate pair
            return dumps(make_plain(row, self.encoder.default), **self._options)
        return text
