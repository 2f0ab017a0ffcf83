"""The function URLs of a template: `FunctionUrlConfig` of a function, and resources of type `AWS::Lambda::Url`.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html and, for limits of CORS settings,
https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html.
"""

from __future__ import annotations

from local_lambda.functions.config import AUTH_TYPES, INVOKE_MODES, Cors, FunctionUrl
from local_lambda.functions.properties import Properties

URL = "AWS::Lambda::Url"
MAX_AGE_SECONDS = 86_400


def read_url(properties: Properties) -> FunctionUrl:
    """The URL with these settings. Raises UsageError for one that Lambda would reject."""
    if properties.string("AuthType") is None:
        raise properties.wrong("AuthType", f"is missing; use {' or '.join(AUTH_TYPES)}")
    return FunctionUrl(
        properties.one_of("AuthType", AUTH_TYPES, "NONE"),
        properties.one_of("InvokeMode", INVOKE_MODES, "BUFFERED"),
        read_cors(properties.inside("Cors")) if properties.values.get("Cors") is not None else None,
    )


def read_cors(properties: Properties) -> Cors:
    """CORS settings as function URLs and HTTP APIs have them. Raises UsageError."""
    credentials = properties.one_of("AllowCredentials", ("true", "false"), "false")
    return Cors(
        properties.strings("AllowOrigins"),
        properties.strings("AllowMethods"),
        properties.strings("AllowHeaders"),
        properties.strings("ExposeHeaders"),
        properties.integer("MaxAge", None, -1, MAX_AGE_SECONDS, "seconds"),
        credentials == "true",
    )
