"""`start --ui`: the live page, with the sample events that `local-lambda event` makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_lambda.ui.live_page import LivePage


@contextmanager
def live_page(port: int, template: Path | None) -> Iterator[LivePage]:
    """The page on `port` (0: any free one), with the events next to `template`. Raises StartError."""
    from local_lambda.cli.event import kinds
    from local_lambda.ui.live_page import LivePage

    page = LivePage(port, template, kinds(), _sample)
    try:
        yield page
    finally:
        page.close()


def _sample(kind: str) -> bytes:
    from local_lambda.cli.event import make_event
    from local_lambda.cli.parser import make_event_parser

    return make_event(make_event_parser().parse_args([kind]))
