"""Send orders to a queue of this example and show what became of them: what `make run` does while it is served.

    python send_orders.py [--queue NAME] [PART...]

Needs an AWS endpoint in AWS_ENDPOINT_URL. Without that variable it would be AWS itself, with your credentials.
"""

import argparse
import json
import os
import signal
import sys
import time
from functools import lru_cache
from typing import Any, Callable, Dict, List

if __name__ == "__main__":  # Ctrl-C ends this without a traceback, also during the next import, which takes a second
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

ENDPOINT = os.environ.get("AWS_ENDPOINT_URL")
# A queue is empty if it says so twice, so many seconds apart. A message that becomes visible while it is counted can
# be missing from the first count. On AWS, both numbers may be a minute old.
APART = 0.2 if ENDPOINT else 60
ORDERS = "sqs-worker-orders"
ACCOUNTS = "sqs-worker-accounts"
CUSTOMERS = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Zoe"]
PRICE = 10
PATIENCE = 600  # seconds; on AWS a message may come back five times, a minute apart
if ENDPOINT:
    ADVICE = "Is 'make serve' running in another terminal?"
else:
    ADVICE = "Without AWS_ENDPOINT_URL this is AWS, with your credentials and region. The local queue: 'make send'."


@lru_cache(maxsize=None)
def client(service: str) -> Any:
    """A client for AWS with your credentials. A local endpoint accepts any, and must not get yours."""
    if not ENDPOINT:
        return boto3.client(service)
    dummy = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=ENDPOINT, **dummy)


class Queue:
    """A queue of orders with its dead letter queue, and the accounts of those who order."""

    def __init__(self, name: str) -> None:
        self.url = find(name)
        self.dead_letters = find(f"{name}-dead-letters")

    def send(self, part: str, customers: List[str]) -> None:
        """Send an order for each customer, all at once."""
        orders = [{"id": f"{part}-{name.lower()}", "customer": name, "amount": PRICE} for name in customers]
        entries = [{"Id": str(number), "MessageBody": json.dumps(order)} for number, order in enumerate(orders)]
        client("sqs").send_message_batch(QueueUrl=self.url, Entries=entries)

    def wait(self) -> None:
        """Return when all messages are deleted or dead letters, and the bank has done what it was asked."""
        wait_until(lambda: is_empty(self.url), "the queue is not empty")
        wait_until(
            lambda: all(account["paid"] == PRICE * account["asked"] for account in accounts().values()),
            "the bank has not done what it was asked",
        )

    def take_dead_letters(self) -> List[Dict[str, Any]]:
        """Receive all dead letters and delete them."""
        taken: List[Dict[str, Any]] = []
        while True:
            answer = client("sqs").receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10)
            received = answer.get("Messages", [])
            for message in received:
                client("sqs").delete_message(QueueUrl=self.dead_letters, ReceiptHandle=message["ReceiptHandle"])
            taken += received
            if not received:
                return taken

    def show(self) -> None:
        """Print what each customer has paid, and how many dead letters there are."""
        print("paid:", ", ".join(f"{name} {account['paid']}" for name, account in sorted(accounts().items())))
        print("dead letters:", count(self.dead_letters), flush=True)


def find(name: str) -> str:
    """The URL of a queue."""
    try:
        return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
    except client("sqs").exceptions.QueueDoesNotExist:
        question = f"Does 'make serve' of this folder serve {ENDPOINT}?" if ENDPOINT else ADVICE
        sys.exit(f"send_orders.py: there is no queue {name}. {question}")


def is_empty(url: str) -> bool:
    """Whether a queue says twice that it has no messages."""
    if count(url):
        return False
    time.sleep(APART)
    return count(url) == 0


def count(url: str) -> int:
    """The messages of a queue: waiting, and received but neither deleted nor back."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def wait_until(condition: Callable[[], bool], complaint: str) -> None:
    """Ask again and again."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"send_orders.py: {complaint} after {PATIENCE} s")
        time.sleep(0.05)


def accounts() -> Dict[str, Dict[str, int]]:
    """For each customer, how often the bank was `asked` for the money, and how much was `paid`."""
    items = client("dynamodb").scan(TableName=ACCOUNTS, ConsistentRead=True)["Items"]
    return {item["customer"]["S"]: {name: int(item[name]["N"]) for name in ("asked", "paid")} for item in items}


def open_accounts(customers: List[str], delay: float = 0) -> None:
    """Give customers an account that nothing was paid from. The bank takes `delay` seconds to charge it."""
    for name in customers:
        item = {"customer": {"S": name}, "paid": {"N": "0"}, "asked": {"N": "0"}, "delay": {"N": str(delay)}}
        client("dynamodb").put_item(TableName=ACCOUNTS, Item=item)


def begin() -> None:
    """Begin with a bank without customers, and forget which orders were charged: the next ones have the same ids."""
    for name in accounts():
        client("dynamodb").delete_item(TableName=ACCOUNTS, Key={"customer": {"S": name}})
    for order in client("dynamodb").scan(TableName=ORDERS)["Items"]:
        client("dynamodb").delete_item(TableName=ORDERS, Key={"id": order["id"]})


def poison(queue: Queue) -> None:
    """Ten orders in one batch. Zoe has no account: her order is a poison message."""
    open_accounts(CUSTOMERS[:-1])
    queue.send("poison", CUSTOMERS)
    queue.wait()


def redrive(queue: Queue) -> None:
    """The bank opens an account for Zoe, and the dead letter goes back to the queue: a redrive."""
    open_accounts(["Zoe"])
    for message in queue.take_dead_letters():
        client("sqs").send_message(QueueUrl=queue.url, MessageBody=message["Body"])
    queue.wait()


def timeout(queue: Queue) -> None:
    """The bank hangs when it should charge Eve, the fifth of ten, until the function's time is up. Then it recovers."""
    open_accounts(CUSTOMERS)
    open_accounts(["Eve"], delay=60)
    queue.send("timeout", CUSTOMERS)
    wait_until(lambda: accounts()["Eve"]["asked"] == 1, "the bank was not asked for Eve's money")
    open_accounts(["Eve"])  # the call that hangs is not helped by this, the next one is
    queue.wait()


def visibility(queue: Queue) -> None:
    """The visibility timeout is 1 s, and the bank takes 2.5 s: the message is delivered again while Ada is charged."""
    before = client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "1"})
    open_accounts(["Ada"], delay=2.5)
    queue.send("visibility", ["Ada"])
    wait_until(lambda: accounts()["Ada"]["asked"] == 1, "the bank was not asked for Ada's money")
    client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes=before)  # twice is enough
    queue.wait()


PARTS = {part.__name__: part for part in (poison, redrive, timeout, visibility)}


def main(queue: Queue, parts: List[str]) -> None:
    """Play the parts. Each but `redrive`, which continues with what `poison` has left, begins with an empty bank."""
    for number, name in enumerate(parts, 1):
        print(f"\n{number}. {name}: {PARTS[name].__doc__}", flush=True)
        if name != "redrive":
            wait_until(lambda: is_empty(queue.url), "messages of an earlier run are in the queue")
            begin()
            queue.take_dead_letters()
        PARTS[name](queue)
        queue.show()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send orders to a queue and show what became of them.")
    parser.add_argument("--queue", default="sqs-worker-orders", help="the queue's name (%(default)s)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without one")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    try:
        main(Queue(options.queue), options.parts or list(PARTS))
    except EndpointConnectionError:
        sys.exit(f"No answer. {ADVICE}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"send_orders.py: {str(error).rstrip('.')}. {ADVICE}")
