"""The parts together: the decorators of one service, one above the other."""

import json
from functools import partial
from http import HTTPStatus
from operator import is_not
from typing import Any, Dict, List, Optional

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source

from conftest import Answer
from pypwext.base import InfoClassification, LogEntryType, Operation
from pypwext.errors import (
    PyPwExtErrorHandler,
    PyPwExtErrorWithReturn,
    PyPwExtHTTPError,
    StdPyPwExtError,
    get_current_collector,
)
from pypwext.pwhttp import PyPwExtHTTPSession, PyPwExtRetry
from pypwext.pwlogging import PyPwExtLogger
from pypwext.service import PyPwExtResponse, PyPwExtService


@pytest.fixture
def offers(log, server, environment):
    """A service that sends an offer to each customer over HTTP and continues when one cannot be reached."""
    environment.setenv("API_URL", server.url)
    server.script("/1.0/good", Answer(200))
    server.script("/1.0/bad", Answer(400, b"refused"))
    logger = log.logger
    errors = PyPwExtErrorHandler()
    service = PyPwExtService(logger=logger)
    http = PyPwExtHTTPSession(retry=PyPwExtRetry(total=0))

    @errors.collect
    @logger.method(log_exception=False)
    @http.method(method="POST", url="{API_URL}/{version}/{name}", params={"name": "{name}"}, body="customer")
    def send_offer(
        version: str,
        name: str,
        customer: Dict[str, Any],
        response_code: HTTPStatus = HTTPStatus.OK,
        response_body: str = "",
    ):
        if response_code != HTTPStatus.OK:
            raise PyPwExtErrorWithReturn(
                f"could not send an offer to {name}: {response_body}",
                code=response_code,
                details={Operation: "send-offer", "customer": customer},
            )
        return name

    @event_source(data_class=APIGatewayProxyEventV2)
    @logger.method(type=LogEntryType.AUDIT, operation="send-offers")
    @errors.collect(root=True)
    @service.response(just_status_code=False)
    def handler(event: APIGatewayProxyEventV2, context: Any):
        sent = [send_offer("1.0", name, {"name": name}) for name in json.loads(event.body)]
        return PyPwExtResponse(updated=list(filter(partial(is_not, None), sent)), operation="create-offer")

    return handler


def test_work_goes_on_when_one_of_several_fails(offers, server, log):
    """The response has what worked and what did not, each request has its own customer, the rows tell of all."""
    response = offers({"version": "2.0", "body": '["good", "bad", "good"]'}, None)
    assert response.status_code == 400
    assert json.loads(response.body) == {
        "updated": ["good", "good"],
        "operation": "create-offer",
        "error": {
            "code": 400,
            "msg": "could not send an offer to bad: refused",
            "classification": "NA",
            "details": {"operation": "send-offer", "customer": {"name": "bad"}},
        },
    }
    paths = [request.path for request in server.received]
    assert paths == ["/1.0/good?name=good", "/1.0/bad?name=bad", "/1.0/good?name=good"]
    entries = [message["args"] for message in log.messages if message["msg"] == "Entering send_offer"]
    assert entries[1] == {"version": "1.0", "name": "bad", "customer": {"name": "bad"}}
    audit = [row for row in log.rows if row.get("type") == "AUDIT"]
    assert [row["message"]["msg"] for row in audit] == ["Entering handler", "Exiting handler"]
    assert {row["operation"] for row in audit} == {"send-offers"}
    warnings = [row["message"]["error"]["code"] for row in log.rows if row["level"] == "WARNING"]
    assert warnings == [400]


def test_error_is_logged_when_logger_is_above_the_response(log):
    """The service logs the error it answers, so it is in the log although the logger above sees a normal exit."""
    service = PyPwExtService(logger=log.logger)

    @log.logger.method(classification=InfoClassification.PII)
    @service.response(just_status_code=False)
    def my_service(request):
        raise PyPwExtHTTPError("bad input", details={Operation: "my-operation", "number": "7112234455"})

    response = my_service({})
    assert response.status_code == 400
    assert json.loads(response.body) == {
        "error": {
            "code": 400,
            "msg": "bad input",
            "classification": "NA",
            "details": {"operation": "my-operation", "number": "7112234455"},
        }
    }
    assert [row["level"] for row in log.rows] == ["DEBUG", "ERROR", "INFO"]


def test_resolver_builds_the_answer_when_service_is_below_it(log):
    """Below a resolver of Powertools, response gives what the resolver expects."""
    app = APIGatewayHttpResolver()
    errors = PyPwExtErrorHandler()
    service = PyPwExtService(logger=log.logger)

    @app.post("/offers")
    @errors.collect(root=True)
    @service.response(just_status_code=False)
    @log.logger.method
    def send_offers():
        return PyPwExtResponse(HTTPStatus.CREATED, names=json.loads(app.current_event.body))

    event = {
        "version": "2.0",
        "rawPath": "/offers",
        "requestContext": {"http": {"method": "POST", "path": "/offers"}, "stage": "$default"},
        "headers": {},
        "body": '["a"]',
    }
    answer = app.resolve(event, None)
    assert (answer["statusCode"], answer["body"]) == (201, '{"names": ["a"]}')


def test_answer_passes_when_service_makes_it_itself(log):
    """Every part is opt-in: a response of one's own goes through, and is logged."""
    service = PyPwExtService(logger=log.logger)

    @log.logger.method
    @service.response
    def handler(customers: List[str]):
        return json.dumps({"statusCode": 200, "body": {"updated": customers, Operation: "create-offer"}})

    assert json.loads(handler(["a"])) == {"statusCode": 200, "body": {"updated": ["a"], "operation": "create-offer"}}
    assert len(log.rows) == 2


def test_metrics_are_published_when_service_is_typed(environment, log, capsys):
    """A typed micro-service with metrics, parser and logger, named by the environment."""
    pydantic = pytest.importorskip("pydantic", minversion="2", reason="pydantic 2 is not installed")
    try:
        from aws_lambda_powertools.utilities import parser
    except Exception:
        pytest.skip("the parser of this Powertools does not load with pydantic 2")
    metrics_module = pytest.importorskip("aws_lambda_powertools.metrics")
    from pypwext.models import PyPwExtModel

    class OrderItem(pydantic.BaseModel):
        id: int
        quantity: int

    class Order(PyPwExtModel):
        items: List[OrderItem]
        comment: Optional[str] = None

    environment.setenv("POWERTOOLS_SERVICE_NAME", "my-service")
    metrics = metrics_module.Metrics(namespace="my-namespace")
    service = PyPwExtService(logger=log.logger)

    @service.response(just_status_code=False)
    @log.logger.method
    @metrics.log_metrics
    @parser.event_parser(model=Order)
    def handler(event: Order, context: Any):
        metrics.add_metric(name="Orders", unit="Count", value=1)
        if not event.pypwext_id:
            raise StdPyPwExtError("Missing pypwext_id", code=HTTPStatus.BAD_REQUEST)
        return PyPwExtResponse(operation="create-order", updated=list(event.items))

    response = handler({"pypwext_id": "id-1", "items": [{"id": 7, "quantity": 1}]}, None)
    assert response.body == '{"operation": "create-order", "updated": [{"id": 7, "quantity": 1}]}'
    published = json.loads(capsys.readouterr().out)
    assert published["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "my-namespace"
    assert published["service"] == "my-service"
    refused = handler({"pypwext_id": "", "items": []}, None)
    assert refused.status_code == 400


def test_same_error_is_everywhere_the_same_when_parts_meet(make_log):
    """Default logger, collector and service agree on one error: one row, one entry, one status."""
    log = make_log(default_logger=True)
    errors = PyPwExtErrorHandler(logger=PyPwExtLogger(service=log.logger.service))
    service = PyPwExtService()

    @errors.collect
    @log.logger.method
    def inner():
        raise StdPyPwExtError("no", code=404)

    @service.handler(just_status_code=False)
    @errors.collect
    def handler(event, context):
        inner()

    answer = handler({"version": "2.0"}, None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == 404
    assert [row["level"] for row in log.rows] == ["DEBUG", "ERROR"]
    assert get_current_collector() is None
