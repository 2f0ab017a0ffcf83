"""`start --ui`: the live page, with the sample events that `local-lambda event` makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_lambda.ui.live_page import LivePage


def live_page(port: int, template: Path) -> LivePage:
    """The page on `port` (0: any free one). Raises StartError."""
    from local_lambda.cli.event import kinds
    from local_lambda.ui.live_page import LivePage

    return LivePage(port, template, kinds(), _sample)


def _sample(kind: str) -> bytes:
    from local_lambda.cli.event import make_event
    from local_lambda.cli.parser import make_event_parser

    return make_event(make_event_parser().parse_args([kind]))
