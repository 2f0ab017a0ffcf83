"""The work: a report whose rows take time, as rows of a slow query or the words of a language model do."""

import os
import time
from typing import Any, Dict, Iterator


def write_rows(event: Dict[str, Any]) -> Iterator[str]:
    """The rows of the report that the query string asks for: `?rows=5`, `&bytes=1000` wide, `&fail=3` at the third."""
    query = event.get("queryStringParameters") or {}
    width, failing = int(query.get("bytes", 0)), int(query.get("fail", 0))
    for number in range(1, int(query.get("rows", 5)) + 1):
        if number == failing:
            raise LookupError(f"row {number} is lost")
        time.sleep(float(os.environ["SECONDS_PER_ROW"]))
        yield f"row {number}".ljust(width - 1, ".") + "\n"
