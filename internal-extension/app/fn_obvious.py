"""The same function with the usual signal handler, which up to Python 3.11 never runs on Lambda."""

import os
import signal
import sys
from typing import Any, Dict

from app import extension
from app.journal import Journal

journal = Journal(os.environ["DATABASE_PATH"])
extension.start(os.environ["EXTENSION_EVENTS"].split())


def shut_down(number: int, frame: object) -> None:
    """Clean up and leave."""
    journal.close()
    sys.exit(0)


signal.signal(signal.SIGTERM, shut_down)


def lambda_handler(event: Dict[str, Any], context: Any) -> Dict[str, int]:
    """Record the visit."""
    return {"pending": journal.add(event["name"])}
