"""What the tests share: the folder on the import path, and tables in memory instead of DynamoDB."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict

import pytest

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))
# What Lambda sets, and template.yaml: a function that the tests start gets these, too.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.update(ORDERS_TABLE="sqs-worker-orders", ACCOUNTS_TABLE="sqs-worker-accounts")

from app import bank, guard  # noqa: E402


class ConditionFailed(Exception):
    """As botocore raises it: with the response, which has the item if that was requested."""

    def __init__(self, item: Any = None) -> None:
        self.response = {"Item": item}


class Tables:
    """The two calls of DynamoDB that the example makes, with the conditions and updates that it uses."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailed)

    def __init__(self) -> None:
        self.orders: Dict[str, Any] = {}
        self.accounts: Dict[str, Dict[str, int]] = {}

    def put_item(self, TableName: str, Item: Any, ConditionExpression: str = "", **more: Any) -> None:
        """Write an order's record; with the condition, only if there is none that counts."""
        assert TableName == os.environ["ORDERS_TABLE"]
        old = self.orders.get(Item["id"]["S"])
        if ConditionExpression:
            assert ConditionExpression == "attribute_not_exists(id) OR counts_until < :now"
            now = float(more["ExpressionAttributeValues"][":now"]["N"])
            if old and not float(old["counts_until"]["N"]) < now:
                assert more["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
                raise ConditionFailed(old)
        self.orders[Item["id"]["S"]] = Item

    def update_item(self, TableName: str, Key: Any, UpdateExpression: str, **more: Any) -> Any:
        """Add to a number of an account."""
        assert TableName == os.environ["ACCOUNTS_TABLE"]
        account = self.accounts.get(Key["customer"]["S"])
        if account is None:
            raise ConditionFailed
        _, name, _ = UpdateExpression.split()
        ((_, value),) = more["ExpressionAttributeValues"].items()
        account[name] += int(value["N"])
        return {"Attributes": {name: {"N": str(number)} for name, number in account.items()}}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Tables with nothing in them, that guard and bank use."""
    tables = Tables()
    monkeypatch.setattr(guard, "dynamodb", tables)
    monkeypatch.setattr(bank, "dynamodb", tables)
    return tables


@pytest.fixture
def context() -> SimpleNamespace:
    """The part of Lambda's context object that the function reads."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: 3000)
