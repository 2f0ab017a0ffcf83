"""A local AWS Lambda execution environment: real runtimes and extensions, no AWS account, no Docker, no root."""

__version__ = "0.1.0"
