"""The browser of these tests.

Playwright drives the Chromium of the system (Debian: `apt-get install chromium`), headless and without its own traffic.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which(os.environ.get("CHROMIUM") or "chromium")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Without it these tests are skipped with its name, or fail if CI is set."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        reason = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason, False)
        pytest.skip(reason)
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()
