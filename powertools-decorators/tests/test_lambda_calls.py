"""Calls to Lambda functions: through boto3 to a server that acts as the Invoke API, or to a client in its place."""

import base64
import io
import json
from http import HTTPStatus
from typing import Any, Dict, Optional

import botocore.exceptions
import pytest
from botocore.config import Config
from botocore.response import StreamingBody

from conftest import Answer
from pypwext.errors import PyPwExtHTTPError
from pypwext.pwhttp import LambdaResponse, PyPwExtHTTPSession

FAILED = b'{"errorMessage":"no money","errorType":"ValueError","requestId":"id","stackTrace":[]}'
NOT_FOUND = Answer(
    404, b'{"Type":"User","Message":"Function not found: x"}', {"X-Amzn-ErrorType": "ResourceNotFoundException"}
)


@pytest.fixture
def http(environment, server, log):
    """A session whose Lambda is the test's server."""
    environment.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    config = Config(retries={"max_attempts": 0})
    with PyPwExtHTTPSession(logger=log.logger, lambda_config=config) as session:
        yield session


def path(function):
    return f"/2015-03-31/functions/{function}/invocations"


class TestFunc:
    def test_function_answers_when_called(self, http, server):
        """func() waits for the response; data is the event, params the client context."""
        server.script(path("orders"), Answer(200, b'{"ok": true}', {"X-Amz-Executed-Version": "$LATEST"}))
        response = http.func("orders", params={"country": "SE"}, data={"id": 7})
        assert (response.StatusCode, response.ExecutedVersion) == (200, "$LATEST")
        assert response.FunctionError is None
        assert response.payload_as_dict() == {"ok": True}
        request = server.received[0]
        assert request.body == b'{"id": 7}'
        assert request.headers.get("X-Amz-Invocation-Type", "RequestResponse") == "RequestResponse"
        context = json.loads(base64.b64decode(request.headers["X-Amz-Client-Context"]))
        assert context == {"custom": {"country": "SE"}}

    def test_context_is_left_out_when_there_are_no_params(self, http, server):
        """Without params there is no client context."""
        http.func("orders")
        assert "X-Amz-Client-Context" not in server.received[0].headers

    @pytest.mark.parametrize(
        ("function", "quoted"),
        [
            ("orders", "orders"),
            ("orders:live", "orders%3Alive"),
            ("123456789012:function:orders", "123456789012%3Afunction%3Aorders"),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:orders",
                "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aorders",
            ),
        ],
    )
    def test_function_is_found_when_named_by(self, http, server, function, quoted):
        """Name, alias, partial ARN and ARN are all names."""
        http.func(function)
        assert server.received[0].path == path(quoted)

    def test_error_of_the_function_is_told_when_it_fails(self, http, server):
        """The status stays 200; FunctionError tells."""
        server.script(path("orders"), Answer(200, FAILED, {"X-Amz-Function-Error": "Unhandled"}))
        response = http.func("orders")
        assert (response.StatusCode, response.FunctionError, response.failed) == (200, "Unhandled", True)
        assert response.payload_as_dict()["errorType"] == "ValueError"

    def test_error_of_lambda_is_an_answer_when_call_fails(self, http, server):
        """An error of the client is a response with 500, the text, and the exception itself."""
        server.script(path("orders"), NOT_FOUND)
        response = http.func("orders")
        assert response.StatusCode == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "Function not found" in response.FunctionError
        assert response.payload_as_text() == ""
        assert response.error.response["Error"]["Code"] == "ResourceNotFoundException"

    def test_error_of_the_connection_is_an_answer_when_nobody_listens(self, http, server):
        """So is a call that reached no server."""
        server.close()
        response = http.func("orders")
        assert response.StatusCode == 500
        assert isinstance(response.error, botocore.exceptions.EndpointConnectionError)

    def test_answer_is_whole_when_it_was_logged(self, http, server, log):
        """A row shows the payload, and the caller still gets it, as often as it asks."""
        server.script(path("orders"), Answer(200, b'{"token": "s3cret", "ok": true}'))
        response = http.func("orders", data={"password": "s3cret"}, params={"api_key": "s3cret"})
        assert response.payload_as_dict() == {"token": "s3cret", "ok": True}
        assert response.payload_as_text() == response.payload_as_text() == '{"token": "s3cret", "ok": true}'
        assert response.Payload.read() == b'{"token": "s3cret", "ok": true}'
        assert log.messages == [
            {
                "request": {
                    "type": "RequestResponse",
                    "function": "orders",
                    "body": {"password": "***"},
                    "client_context": {"api_key": "***"},
                }
            },
            {"response": {"status": 200, "body": {"token": "***", "ok": True}}},
        ]

    def test_client_is_made_once_when_called_twice(self, http):
        """It is made at the first call and kept."""
        assert http._caller._client is None
        http.func("orders")
        client = http.lambda_client
        http.func("orders")
        assert http.lambda_client is client

    def test_client_can_be_replaced_when_testing(self, http):
        """A test may put its own client in place."""

        class Client:
            def invoke(self, **request):
                return {"StatusCode": 200, "Payload": io.BytesIO(b'"fake"')}

        http.lambda_client = Client()
        assert http.func("orders").payload_as_text() == '"fake"'


class TestEvent:
    def test_event_is_handed_over_when_sent(self, http, server):
        """event() does not wait: Lambda accepts with 202."""
        server.script(path("orders"), Answer(202, b""))
        response = http.event("orders", data="täxt")
        assert (response.StatusCode, response.payload_as_text()) == (202, "")
        request = server.received[0]
        assert request.headers["X-Amz-Invocation-Type"] == "Event"
        assert request.body == "täxt".encode()
        assert "X-Amz-Client-Context" not in request.headers


class TestDecorator:
    def test_function_is_called_when_method_is_func(self, http, server, environment):
        """FUNC takes the function's name from url, the event from body, the client context from params."""
        environment.setenv("STAGE", "dev")
        server.script(path("dev-orders%3Alive"), Answer(200, b'{"ok": true}'))

        @http.method(method="FUNC", url="{STAGE}-orders:{alias}", body="order", params={"country": "{country}", "n": 1})
        def call(alias, order, country, response: Optional[LambdaResponse] = None):
            return response

        response = call("live", {"id": 7}, "SE")
        assert isinstance(response, LambdaResponse)
        assert server.received[0].body == b'{"id": 7}'
        context = json.loads(base64.b64decode(server.received[0].headers["X-Amz-Client-Context"]))
        assert context == {"custom": {"country": "SE", "n": 1}}

    def test_parameters_are_filled_in_when_declared(self, http, server):
        """Body and code come as with HTTP."""
        server.script(path("orders"), Answer(200, b'{"name": "V\\u00e4ster\\u00e5s"}'))

        @http.method(method="func", url="orders")
        def call(response_body="", response_code=None):
            return response_body, response_code

        assert call() == ('{"name": "Västerås"}', HTTPStatus.OK)

    def test_body_is_parsed_when_annotation_asks_for_it(self, http, server):
        """A dict is parsed; no payload is an empty one."""
        server.script(path("orders"), Answer(200, b'{"a": 1}'), Answer(200, b""))

        @http.method(method="FUNC", url="orders")
        def call(response_body: Dict[str, Any] = None):
            return response_body

        assert [call(), call()] == [{"a": 1}, {}]

    def test_response_is_returned_when_nothing_is_declared(self, http, server):
        """A good answer comes as it is."""
        server.script(path("orders"), Answer(200, b'"fine"'))

        @http.method(method="FUNC", url="orders")
        def call():
            """Declarative."""

        assert call().payload_as_text() == '"fine"'

    def test_error_is_raised_when_function_fails(self, http, server):
        """A function that failed is a bad gateway, with its error as the body."""
        server.script(path("orders"), Answer(200, FAILED, {"X-Amz-Function-Error": "Unhandled"}))

        @http.method(method="FUNC", url="orders")
        def call():
            """Declarative."""

        with pytest.raises(PyPwExtHTTPError) as caught:
            call()
        assert caught.value.code == HTTPStatus.BAD_GATEWAY
        assert json.loads(caught.value.response_body)["errorMessage"] == "no money"

    def test_error_is_raised_when_call_fails(self, http, server):
        """A call that Lambda refused is an error with 500 and the reason."""
        server.script(path("orders"), NOT_FOUND)

        @http.method(method="FUNC", url="orders")
        def call():
            """Declarative."""

        with pytest.raises(PyPwExtHTTPError, match="Function not found") as caught:
            call()
        assert caught.value.code == 500

    def test_event_is_sent_when_method_is_event(self, http, server):
        """EVENT has no payload: the body is the metadata of the response."""
        server.script(path("orders"), Answer(202, b"", {"x-amzn-RequestId": "id-1"}))

        @http.method(method="EVENT", url="orders", body="order")
        def send(order, response=None, response_body="", response_code=None):
            return response, response_body, response_code

        response, body, code = send({"id": 7})
        assert code == HTTPStatus.ACCEPTED
        assert json.loads(body) == response.ResponseMetadata
        assert json.loads(body)["HTTPStatusCode"] == 202
        assert json.loads(body)["RequestId"] == "id-1"


class TestLambdaResponse:
    def test_fields_are_those_of_lambda_when_created(self):
        """Only the status is needed."""
        response = LambdaResponse(StatusCode=204)
        assert (response.FunctionError, response.LogResult, response.ResponseMetadata) == (None, None, None)
        assert (response.Payload, response.ExecutedVersion, response.failed) == (None, None, False)
        assert (response.payload_as_text(), response.payload_as_dict()) == ("", {})

    @pytest.mark.parametrize(
        "payload", [b'{"a": 1}', '{"a": 1}', io.BytesIO(b'{"a": 1}'), StreamingBody(io.BytesIO(b'{"a": 1}'), 8)]
    )
    def test_payload_is_kept_when_it_is(self, payload):
        """Streams, bytes and text can be asked for again and again."""
        response = LambdaResponse(StatusCode=200, Payload=payload)
        assert response.payload_as_text() == response.payload_as_text() == '{"a": 1}'
        assert response.payload_as_dict() == response.payload_as_dict() == {"a": 1}
        assert response.Payload.read() == b'{"a": 1}'

    @pytest.mark.parametrize(
        ("payload", "encoding", "text"),
        [
            (b'{"a": "\\u00e4"}', "unicode-escape", '{"a": "ä"}'),
            ('{"a": "ä"}'.encode(), "unicode-escape", '{"a": "ä"}'),
            (b'{"a": "line\\nbreak \\u00e4"}', "unicode-escape", '{"a": "line\\nbreak ä"}'),
            (b'{"a":"\\\\u00e4"}', "unicode-escape", '{"a": "\\\\u00e4"}'),
            (b'{"a":1}', "unicode-escape", '{"a":1}'),
            (b"no json \\u00e4", "unicode-escape", "no json \\u00e4"),
            (b"\xff", "unicode-escape", "\ufffd"),
            ("ä".encode(), None, "ä"),
            ("ä".encode("latin-1"), "latin-1", "ä"),
            ("ä".encode(), "utf-8", "ä"),
            ("ä".encode(), "no-such-encoding", "ä"),
        ],
    )
    def test_text_is_decoded_when_payload_is(self, payload, encoding, text):
        """Letters come out as letters, whether the runtime escaped them or not."""
        assert LambdaResponse(StatusCode=200, Payload=payload).payload_as_text(encoding) == text

    def test_dict_is_right_when_text_has_escapes(self):
        """Escaped line breaks and letters do not break the JSON."""
        payload = b'{"a": "line\\nbreak \\u00e4 \\"quoted\\""}'
        assert LambdaResponse(StatusCode=200, Payload=payload).payload_as_dict() == {"a": 'line\nbreak ä "quoted"'}


class TestConfig:
    def config(self, given=None, region="eu-west-1"):
        return PyPwExtHTTPSession(region=region, lambda_config=given).lambda_config

    def test_config_has_its_defaults_when_nothing_is_given(self):
        """Region, a minute of patience, ten attempts that adapt to the load."""
        config = self.config()
        assert (config.region_name, config.connect_timeout, config.read_timeout) == ("eu-west-1", 60, 60)
        assert config.retries == {"total_max_attempts": 10, "max_attempts": 10, "mode": "adaptive"}

    def test_config_is_merged_when_one_is_given(self):
        """What is given wins, what is not stays."""
        config = self.config(Config(read_timeout=5, retries={"mode": "standard"}))
        assert (config.read_timeout, config.connect_timeout) == (5, 60)
        assert config.retries == {"total_max_attempts": 10, "max_attempts": 10, "mode": "standard"}

    def test_attempts_are_as_given_when_only_one_name_is_used(self):
        """max_attempts is heard although the default names total_max_attempts, and adaptive stays."""
        assert self.config(Config(retries={"max_attempts": 1})).retries == {"max_attempts": 1, "mode": "adaptive"}
        assert self.config(Config(retries={"total_max_attempts": 2})).retries == {
            "total_max_attempts": 2,
            "mode": "adaptive",
        }

    def test_given_config_is_not_changed_when_merged(self):
        """The caller's object stays the caller's."""
        given = Config(retries={"max_attempts": 1})
        self.config(given)
        assert given.retries == {"max_attempts": 1}

    def test_client_uses_the_config_when_made(self):
        """The client is made with the merged config."""
        session = PyPwExtHTTPSession(region="us-east-1", lambda_config=Config(read_timeout=5))
        meta = session.lambda_client.meta
        assert (meta.region_name, meta.config.read_timeout, meta.config.connect_timeout) == ("us-east-1", 5, 60)
