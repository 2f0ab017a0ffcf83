"""The world outside the function: a bank, a warehouse, a parcel service. What is done to them stays done.

Each call writes a line to the file SHOP_LEDGER, which outlives the function's process, so that you can count.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

PRICES = {"kettle": 40, "teapot": 25}


class BankIsDown(Exception):
    """No connection to the bank; a second attempt may help."""


def read_ledger() -> list[list[str]]:
    """The words of each line: what was done, to which order, and with what."""
    path = Path(os.environ["SHOP_LEDGER"])
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def write_ledger(*words: object) -> None:
    """Add one line."""
    line = " ".join(map(str, words))
    with open(os.environ["SHOP_LEDGER"], "a", encoding="utf-8") as ledger:
        ledger.write(line + "\n")
    print(f"outside: {line}", flush=True)


def count(deed: str) -> int:
    """How often it was done."""
    return sum(words[0] == deed for words in read_ledger())


def process() -> int:
    """The number of the function's process: a different one after a kill."""
    return os.getpid()


def reserve(number: str, item: str) -> str:
    """Reserve the item; return its shelf."""
    write_ledger("reserved", number, item)
    return f"shelf-{len(item)}"


def find_price(item: str) -> int:
    """The price in dollars. KeyError for an item that is not sold here."""
    return PRICES[item]


def charge(number: str, price: int, times_down: int = 0) -> None:
    """Charge the customer's card. BankIsDown for the first `times_down` attempts."""
    if count("refused") < times_down:
        write_ledger("refused", number, price)
        raise BankIsDown("no connection to the bank")
    write_ledger("charged", number, price)


def ask_warehouse(number: str, shelf: str, callback_id: str) -> None:
    """Ask a person to pack the order. They answer to the callback, hours later."""
    write_ledger("asked", number, shelf)
    # A real function would send the callback's id along; here run_workflow.py reads it from the history.


def ship(number: str) -> str:
    """Hand the order to the parcel service; return the number of the parcel."""
    write_ledger("shipped", number)
    return f"parcel-{number}"


def lose_power(event: dict[str, Any]) -> None:
    """Kill the function's process without notice, once, if the event says so."""
    if event.get("losePower") and not count("killed"):
        write_ledger("killed", "process", process())
        os.kill(os.getpid(), signal.SIGKILL)
