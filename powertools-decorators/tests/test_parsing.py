"""`service.parse`: from bodies to models."""

import base64
import json
from typing import Any, Dict, List, Optional

import pytest

pydantic = pytest.importorskip("pydantic", minversion="2", reason="pydantic 2 is not installed")

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent  # noqa: E402

from pypwext.errors import PyPwExtHTTPError  # noqa: E402
from pypwext.models import PyPwExtModel  # noqa: E402
from pypwext.service import PyPwExtResponse, PyPwExtService  # noqa: E402


class Item(pydantic.BaseModel):
    id: int
    quantity: int = pydantic.Field(gt=0)


class Order(PyPwExtModel):
    items: List[Item]
    comment: Optional[str] = None


GOOD = {"pypwext_id": "id-1", "items": [{"id": 7, "quantity": 2}]}


class App:
    """Stands for a resolver of Powertools."""

    def __init__(self, event: Dict[str, Any]) -> None:
        self.current_event = APIGatewayProxyEvent(event)


@pytest.fixture
def service():
    return PyPwExtService()


@pytest.mark.parametrize("wrap", [App, APIGatewayProxyEvent, dict])
def test_order_is_parsed_when_body_is_good(service, wrap):
    """A resolver, a data class and a plain event are all read."""
    order = service.parse(wrap({"body": json.dumps(GOOD)}), Order)
    assert isinstance(order, Order)
    assert (order.pypwext_id, order.items[0].quantity, order.comment) == ("id-1", 2, None)


def test_order_is_parsed_when_body_is_base64(service):
    """Gateways encode bodies they take for binary."""
    body = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert service.parse({"body": body, "isBase64Encoded": True}, Order).pypwext_id == "id-1"


def test_any_type_is_parsed_when_pydantic_knows_it(service):
    """A model need not be a class of pydantic."""
    assert service.parse({"body": "[1, 2]"}, List[int]) == [1, 2]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**GOOD, "items": [{"id": 7, "quantity": 0}]}, "items.0.quantity"),
        ({"items": []}, "pypwext_id"),
        ("no json", ""),
        (None, ""),
    ],
)
def test_request_is_refused_when_body_is_wrong(service, body, place):
    """400, and the details tell where and why, without repeating what was sent."""
    event = {"body": json.dumps(body) if isinstance(body, dict) else body}
    with pytest.raises(PyPwExtHTTPError) as caught:
        service.parse(event, Order)
    error = caught.value
    assert error.code == 400
    assert error.details["errors"][0]["loc"] == place
    assert (place or "body") in error.message
    assert set(error.details["errors"][0]) == {"loc", "msg", "type"}


def test_service_is_at_fault_when_model_is_none(service):
    """Anything but a validation error is 500, with its cause."""
    with pytest.raises(PyPwExtHTTPError) as caught:
        service.parse({"body": "{}"}, object())
    assert caught.value.code == 500
    assert caught.value.__cause__ is not None


def test_envelope_is_opened_when_given(service):
    """An envelope of Powertools gets the whole event as a dict."""
    try:
        from aws_lambda_powertools.utilities.parser import BaseEnvelope
    except Exception:
        pytest.skip("the parser of this Powertools does not load with pydantic 2")

    class DetailEnvelope(BaseEnvelope):
        def parse(self, data, model):
            return self._parse(data=data["detail"], model=model)

    event = {"detail": GOOD}
    assert service.parse(App(event), Order, envelope=DetailEnvelope).pypwext_id == "id-1"
    with pytest.raises(PyPwExtHTTPError) as caught:
        service.parse(App({"detail": {}}), Order, envelope=DetailEnvelope)
    assert caught.value.code == 400


def test_validation_error_is_answered_when_handler_parses(service):
    """Parsing in a handler needs no try."""

    @service.handler(just_status_code=False)
    def handler(event, context):
        return PyPwExtResponse(items=service.parse(event, Order).items)

    good = handler({"version": "2.0", "body": json.dumps(GOOD)}, None)
    assert json.loads(good["body"]) == {"items": [{"id": 7, "quantity": 2}]}
    bad = handler({"version": "2.0", "body": "{}"}, None)
    assert bad["statusCode"] == 400
    assert [e["loc"] for e in json.loads(bad["body"])["error"]["details"]["errors"]] == ["pypwext_id", "items"]


def test_event_parser_works_when_below_the_service(service):
    """The parser decorator of Powertools gives the model to the handler."""
    try:
        from aws_lambda_powertools.utilities.parser import event_parser
    except Exception:
        pytest.skip("the parser of this Powertools does not load with pydantic 2")

    @service.response(just_status_code=False)
    @event_parser(model=Order)
    def handler(event: Order, context):
        return PyPwExtResponse(updated=list(event.items), operation="create-order")

    response = handler(GOOD, None)
    assert response.body == '{"updated": [{"id": 7, "quantity": 2}], "operation": "create-order"}'
