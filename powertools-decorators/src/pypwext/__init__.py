"""Decorators on top of Powertools for AWS Lambda, in four independent parts.

`pwlogging` logs calls, `errors` collects errors, `pwhttp` calls HTTP APIs and Lambda functions, `service` answers.
Import the part you use: nothing here imports it for you, so a function that only logs never loads requests, boto3 or
pydantic.
"""

from . import _levels  # noqa: F401  registers VERBOSE, so that level names work before any logger exists
from .environment import init_env

__version__ = "1.0.0"

# The names of the environment are copied on import because Powertools reads its own when a Logger or Metrics is
# created.
init_env()
