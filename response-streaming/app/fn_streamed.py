"""The same report, sent while it is written: the handler is a generator, and what it yields is sent at once."""

from typing import Any, Dict, Iterator, Union

from app.report import write_rows


def lambda_handler(event: Dict[str, Any], context: Any) -> Iterator[Union[Dict[str, Any], str]]:
    """Yield status and headers, then the body row by row, up to 200 MB."""
    yield {"statusCode": 200, "headers": {"Content-Type": "text/plain"}}
    yield from write_rows(event)
