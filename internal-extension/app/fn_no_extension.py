"""The same function without an extension. Lambda does not send it SIGTERM, so the clean-up never runs."""

import os
from typing import Any, Dict

from app.graceful import call_on_sigterm
from app.journal import Journal

journal = Journal(os.environ["DATABASE_PATH"])
call_on_sigterm(journal.close)


def lambda_handler(event: Dict[str, Any], context: Any) -> Dict[str, int]:
    """Record the visit."""
    return {"pending": journal.add(event["name"])}
