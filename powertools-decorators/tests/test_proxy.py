"""`@service.handler`: what Lambda returns to API Gateway and to load balancers."""

import asyncio
import base64
import json

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Response
from aws_lambda_powertools.shared.cookies import Cookie
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source

from pypwext import deadline
from pypwext.errors import ErrorAction, PyPwExtErrorHandler, StdPyPwExtError, get_current_collector
from pypwext.service import PyPwExtResponse, PyPwExtService, ResponseType

REST = {"resource": "/orders", "httpMethod": "POST", "requestContext": {"stage": "dev"}, "body": "{}"}
HTTP = {"version": "2.0", "routeKey": "POST /orders", "requestContext": {"http": {"method": "POST"}}, "body": "{}"}
ALB = {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "POST", "headers": {}, "body": "{}"}
ALB_MULTI = {**ALB, "multiValueHeaders": {"accept": ["*/*"]}}

errors = PyPwExtErrorHandler()
JSON = "application/json"


@pytest.fixture
def service(log):
    """A service whose log can be read."""
    return PyPwExtService(logger=log.logger)


@pytest.mark.parametrize(
    ("event", "headers"),
    [
        (REST, {"multiValueHeaders": {"Content-Type": [JSON], "X-Ids": ["1", "2"]}}),
        (HTTP, {"headers": {"Content-Type": JSON, "X-Ids": "1, 2"}, "cookies": []}),
        (ALB_MULTI, {"multiValueHeaders": {"Content-Type": [JSON], "X-Ids": ["1", "2"]}}),
        ({}, {"multiValueHeaders": {"Content-Type": [JSON], "X-Ids": ["1", "2"]}}),
        ("no dict", {"multiValueHeaders": {"Content-Type": [JSON], "X-Ids": ["1", "2"]}}),
    ],
)
def test_answer_has_the_form_of_its_event_when_returned(service, context, event, headers):
    """REST API, HTTP API and load balancer each take headers in their own way; an unknown event is taken as REST."""

    @service.handler
    def handler(event, context):
        return PyPwExtResponse(201, headers={"X-Ids": ["1", "2"]}, ok=True)

    answer = handler(event, context)
    assert answer == {"statusCode": 201, "body": '{"ok": true}', "isBase64Encoded": False, **headers}
    assert json.loads(json.dumps(answer)) == answer


def test_answer_has_single_headers_when_load_balancer_sends_single_ones(service, context):
    """A load balancer without multi-value headers gets single ones."""

    @service.handler
    def handler(event, context):
        return PyPwExtResponse(ok=True)

    assert handler(ALB, context)["headers"] == {"Content-Type": JSON}


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (ResponseType.API_GATEWAY_REST, "multiValueHeaders"),
        (ResponseType.API_GATEWAY_HTTP, "cookies"),
        (ResponseType.ALB, "headers"),
    ],
)
def test_answer_has_the_given_form_when_type_is_given(service, context, kind, key):
    """type= wins over what the event looks like."""

    @service.handler(type=kind)
    def handler(event, context):
        return PyPwExtResponse(ok=True)

    assert key in handler({}, context)


def test_body_is_base64_when_it_is_bytes(service, context):
    """Binary bodies travel as text and say so."""

    @service.handler
    def handler(event, context):
        return PyPwExtResponse(body=b"\x00\xff", content_type="image/png")

    answer = handler(HTTP, context)
    assert (answer["isBase64Encoded"], base64.b64decode(answer["body"])) == (True, b"\x00\xff")


def test_body_is_none_when_there_is_only_a_status(service, context):
    """The default answer to an error has no body."""

    @service.handler
    def handler(event, context):
        raise StdPyPwExtError("no", code=404)

    answer = handler(HTTP, context)
    assert (answer["statusCode"], answer["body"]) == (404, None)


def test_cookies_are_apart_when_http_api_answers(service, context):
    """Cookies, from headers or from a Response, keep apart where other headers are joined."""

    @service.handler
    def handler(event, context):
        return PyPwExtResponse(headers={"set-cookie": ["a=1; Path=/", "b=2"]})

    @service.handler
    def powertools_handler(event, context):
        return Response(200, "text/plain", "x", headers={"Set-Cookie": "b=2"}, cookies=[Cookie(name="a", value="1")])

    assert handler(HTTP, context)["cookies"] == ["a=1; Path=/", "b=2"]
    assert handler(REST, context)["multiValueHeaders"]["set-cookie"] == ["a=1; Path=/", "b=2"]
    cookies = powertools_handler(HTTP, context)["cookies"]
    assert cookies[0].startswith("a=1")
    assert cookies[1] == "b=2"


def test_collector_is_there_when_handler_is_outermost(service, context):
    """The handler brings a collector, so that helpers can continue after an error."""

    @errors.collect
    def fail(number):
        raise StdPyPwExtError(f"no {number}", code=400 + number, action=ErrorAction.CONTINUE)

    @service.handler(just_status_code=False)
    def handler(event, context):
        return PyPwExtResponse(results=[fail(4), fail(9)])

    answer = handler(HTTP, context)
    assert answer["statusCode"] == 409
    assert [error["msg"] for error in json.loads(answer["body"])["error"]] == ["no 4", "no 9"]
    assert get_current_collector() is None


def test_response_is_kept_when_decorators_below_made_it(service, log, context):
    """Below the handler the usual order of decorators works as it does below a resolver."""

    @service.handler
    @event_source(data_class=APIGatewayProxyEventV2)
    @log.logger.method
    @errors.collect(root=True)
    @service.response(just_status_code=False)
    def handler(event: APIGatewayProxyEventV2, context):
        raise StdPyPwExtError(event.version, code=404)

    answer = handler(HTTP, context)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["msg"] == "2.0"
    assert answer["cookies"] == []
    exit_row = [message for message in log.messages if message["msg"] == "Exiting handler"]
    assert exit_row[0]["return"]["status_code"] == 404


def test_event_is_recognized_when_it_is_a_data_class(service, context):
    """A data class of Powertools above the handler is not an obstacle."""

    @event_source(data_class=APIGatewayProxyEventV2)
    @service.handler
    def handler(event, context):
        return PyPwExtResponse(ok=True)

    assert handler(HTTP, context)["cookies"] == []


def test_answer_is_500_when_a_decorator_below_fails(service, log, context):
    """Whatever is raised below, Lambda gets a response and the log a row."""

    def broken(func):
        def wrapper(event, context):
            raise KeyError("broken decorator")

        return wrapper

    @service.handler
    @broken
    def handler(event, context):
        """Never called."""

    answer = handler(HTTP, context)
    assert (answer["statusCode"], answer["body"]) == (500, '{"error": "Internal Server Error"}')
    assert log.rows[0]["exception_name"] == "KeyError"


@pytest.mark.parametrize(
    ("value", "returned"),
    [
        ({"statusCode": 200, "body": "x"}, {"statusCode": 200, "body": "x"}),
        ("text", "text"),
        (None, None),
        (b"bytes", b"bytes"),
        ({"ids": {1}}, {"ids": [1]}),
    ],
)
def test_value_passes_when_it_is_no_response(service, context, value, returned):
    """A value of the handler's own making goes through, in a form that Lambda can return."""

    @service.handler
    def handler(event, context):
        return value

    assert handler(HTTP, context) == returned


def test_error_is_raised_when_it_shall_not_be_answered(service, context):
    """always_return=False lets Lambda see the error."""

    @service.handler(always_return=False)
    def handler(event, context):
        raise StdPyPwExtError("no")

    with pytest.raises(StdPyPwExtError):
        handler(HTTP, context)


def test_coroutine_is_run_when_lambda_calls_it(service, context):
    """Lambda does not await, so the handler does."""

    @service.handler
    async def handler(event, context):
        await asyncio.sleep(0)
        return PyPwExtResponse(left=deadline.remaining_seconds())

    assert json.loads(handler(HTTP, context)["body"]) == {"left": 30}


def test_coroutine_is_returned_when_a_loop_runs(service, context):
    """In a loop, as in a test, the caller awaits."""

    @service.handler
    async def handler(event, context):
        return PyPwExtResponse(ok=True)

    async def main():
        return await handler(HTTP, context)

    assert asyncio.run(main())["body"] == '{"ok": true}'


def test_handler_may_be_a_method_when_service_is_a_class(service, context):
    """Methods, and calls by keyword, work as functions do."""

    class Api:
        @service.handler
        def handler(self, event, context):
            return PyPwExtResponse(ok=True)

    assert Api().handler(HTTP, context)["cookies"] == []
    assert Api().handler(event=HTTP, context=context)["cookies"] == []
