"""An order as a durable function: it may wait for days, and may be killed at any line.

Lambda runs this handler from the top again and again. What is done in a step is done once: its result is saved, and
from then on the step returns what was saved. So everything between the steps must do the same each time.

https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
"""

from __future__ import annotations

import uuid
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, JitterStrategy, StepConfig, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

from app import shop

# The bank is asked three times, a second apart; any other error fails at once. By default a step is tried six times
# with random pauses, whatever it raises.
ASK_AGAIN = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(
            max_attempts=3,
            initial_delay=Duration.from_seconds(1),
            backoff_rate=1,
            jitter_strategy=JitterStrategy.NONE,
            retryable_error_types=[shop.BankIsDown],
        )
    )
)


@durable_execution
def lambda_handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    """Take one order from the number to the parcel."""
    print(f"the handler starts at its first line, in process {shop.process()}")
    number = context.step(lambda _: str(uuid.uuid4())[:8], name="number")

    checks = context.parallel(
        [
            lambda branch: branch.step(lambda _: shop.reserve(number, event["item"]), name="reserve"),
            lambda branch: branch.step(lambda _: shop.find_price(event["item"]), name="price", config=ASK_AGAIN),
        ],
        name="checks",
    )
    checks.throw_if_error()  # or the results would be those of the branches that succeeded
    shelf, price = checks.get_results()

    context.step(
        lambda _: shop.charge(number, price, event.get("bankDown", 0)),
        name="charge",
        config=ASK_AGAIN,
    )
    shop.lose_power(event)  # where the process is killed, if the event asks for it

    context.wait(Duration.from_seconds(2), name="time to cancel")  # nothing runs meanwhile, so nothing is billed
    packed_by = context.wait_for_callback(
        lambda callback_id, _: shop.ask_warehouse(number, shelf, callback_id),
        name="packed",
        config=WaitForCallbackConfig(timeout=Duration.from_minutes(5)),
    )
    parcel = context.step(lambda _: shop.ship(number), name="ship")
    return {"number": number, "price": price, "packedBy": packed_by, "parcel": parcel}
