"""The same order without durable execution: right as long as nothing happens between the first line and the last."""

from __future__ import annotations

import time
import uuid
from typing import Any

from app import shop


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take one order from the number to the parcel, or up to where the process ends."""
    print(f"the handler starts at its first line, in process {shop.process()}")
    number = str(uuid.uuid4())[:8]
    shelf = shop.reserve(number, event["item"])
    price = shop.find_price(event["item"])
    shop.charge(number, price)
    shop.lose_power(event)
    time.sleep(2)  # billed, and never longer than 15 minutes
    # The warehouse answers hours later, and this function cannot wait for it: it assumes that all is packed.
    shop.ask_warehouse(number, shelf, callback_id="")
    return {"number": number, "price": price, "parcel": shop.ship(number)}
