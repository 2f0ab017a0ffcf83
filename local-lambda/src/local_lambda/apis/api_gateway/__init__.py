"""API Gateway: routes of REST and HTTP APIs in front of functions, in one application of the Invoke port."""

from local_lambda.apis.api_gateway.application import api_gateway
from local_lambda.apis.api_gateway.routes import read_routes

__all__ = ["api_gateway", "read_routes"]
