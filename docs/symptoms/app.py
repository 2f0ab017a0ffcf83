"""Functions that fail, one for each symptom of ../symptoms.md that is not a matter of importing."""

import asyncio
import json
import logging
import multiprocessing
import sys
import threading
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path


def reads_method(event, context):
    return {"statusCode": 200, "body": event["httpMethod"]}


def reads_page(event, context):
    return {"statusCode": 200, "body": event["queryStringParameters"]["page"]}


def reads_name(event, context):
    return {"statusCode": 200, "body": event["body"]["name"]}


def parses_body(event, context):
    return {"statusCode": 200, "body": json.loads(event["body"])["name"]}


async def is_async(event, context):
    return "never awaited"


def returns_date(event, context):
    return {"created": datetime(2026, 11, 27)}


def dumps_decimal(event, context):
    return {"statusCode": 200, "body": json.dumps({"price": Decimal("9.99")})}


def returns_much(event, context):
    return "x" * 7_000_000


def returns_dict(event, context):
    return {"statusCode": 200, "body": {"price": 9.99}}


def waits(event, context):
    time.sleep(30)


def hoards(event, context):
    hoard = ["x" * 1_000_000 for _ in range(1_000)]
    time.sleep(10)
    return len(hoard)


def exits(event, context):
    sys.exit("nothing to do")


loop = asyncio.new_event_loop()


def closes_loop(event, context):
    try:
        return loop.run_until_complete(asyncio.sleep(0, "done"))
    finally:
        loop.close()


def writes_cache(event, context):
    Path(__file__).with_name("cache.json").write_text("{}")


def downloads(event, context):
    with open("/tmp/download", "wb") as file:
        for _ in range(600):
            file.write(bytes(1_000_000))


def uses_pool(event, context):
    with multiprocessing.Pool(2) as pool:
        return pool.map(abs, [-1, -2])


cart = []


def adds_to_cart(event, context):
    cart.append(event["item"])
    return cart


def send_mail():
    time.sleep(60)
    print("mail sent")


def sends_later(event, context):
    threading.Thread(target=send_mail).start()
    return "mail is being sent"


def logs(event, context):
    logging.getLogger().info("an order has arrived")


def charges(event, context):
    for record in event["Records"]:
        print("charging", record["body"])
        if record["body"] == "order 2":
            raise ValueError("order 2 has no price")


def works(event, context):
    return "done"


def is_slow(event, context):
    time.sleep(3)
    return "done"
