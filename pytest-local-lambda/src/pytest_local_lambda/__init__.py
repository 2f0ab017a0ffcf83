"""Tests for AWS Lambda functions in a real execution environment: the fixture `local_lambda`."""

from pytest_local_lambda.function import Function
from pytest_local_lambda.http import Response
from pytest_local_lambda.plugin import LocalLambda
from pytest_local_lambda.result import ExtensionRecord, FunctionError, Result, Run, Segment

__version__ = "0.1.0"
__all__ = [
    "ExtensionRecord",
    "Function",
    "FunctionError",
    "LocalLambda",
    "Response",
    "Result",
    "Run",
    "Segment",
]
