"""Every property of the APIs of a template, and of the resources around them: the tables, and how one is read.

Each property is served, has no effect on a call, or is not emulated and named at the start. A test compares these names
with the schemas of `AWS::ApiGateway::*` and `AWS::ApiGatewayV2::*`. SAM:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html,
sam-property-api-apiauth.html, sam-resource-httpapi.html and sam-property-httpapi-httpapiauth.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from local_lambda.functions.intrinsics import is_intrinsic

_ANY = "*"


class Names(NamedTuple):
    """The properties of one type of resource; those that are not emulated with what happens instead.

    `inside` has the names inside those properties that are mappings; those of `*` are inside every property.
    """

    served: frozenset[str]
    without_effect: frozenset[str] = frozenset()
    not_emulated: Mapping[str, str] = {}
    inside: Mapping[str, Names] = {}


def names(served: str, without_effect: str = "", **not_emulated: str) -> Names:
    """The table of a type, written as lists of words."""
    return Names(frozenset(served.split()), frozenset(without_effect.split()), not_emulated)


def missing(table: Names, properties: Mapping[str, Any]) -> Iterator[str]:
    """What of the properties is not emulated, or not known. One that is switched off asks for nothing."""
    for name, value in properties.items():
        if name in table.not_emulated:
            if value is not None and value is not False and value != "false":
                yield f"{name} ({table.not_emulated[name]})"
        elif name in table.inside or _ANY in table.inside:
            if isinstance(value, dict) and not is_intrinsic(value):
                inside = table.inside.get(name, table.inside.get(_ANY, table))
                yield from (f"{name}.{each}" for each in missing(inside, value))
        elif name not in table.served and name not in table.without_effect:
            yield f"{name} (not a known property)"


_BINARY = "a body that is not UTF-8 counts as binary"
_CACHE = "responses are not cached"
_CANARY = "all requests go to the same stage"
_COUNTED = "requests are not counted"
_DEFAULTS = "the API has its defaults"
_DOMAIN = "it has no name"
_ENDPOINT = "the API is reached at its address here"
_ERRORS = "its error responses are the usual ones"
_KEYS = "API keys are not checked"
_METHODS = "requests are not throttled, and responses are not cached"
_PATHS = "its name here has no base path"
_POLICY = "policies are not checked"
_REQUESTS = "requests are passed on as they are"
_RESPONSES = "responses are passed on as they are"
_SCOPES = "scopes are not checked"
_THROTTLE = "requests are not throttled"
_TIMEOUT = "the function's timeout counts"
_VALIDATED = "requests are not validated"
_VARIABLES = "there are no stage variables"

CORS = names("AllowCredentials AllowHeaders AllowMethods AllowOrigins ExposeHeaders MaxAge")
"""CORS settings of function URLs and of HTTP APIs."""
_REST_CORS = names("AllowCredentials AllowHeaders AllowMethods AllowOrigin MaxAge")
_SOURCES = "Context Headers QueryStrings ReauthorizeEvery StageVariables"
_REST_AUTHORIZER = names(
    # Scopes and a user pool are Cognito's, whose authorizers are named as a whole.
    "FunctionArn FunctionPayloadType UserPoolArn",
    "AuthorizationScopes DisableFunctionDefaultPermissions FunctionInvokeRole",
)._replace(inside={"Identity": names(f"Header {_SOURCES} ValidationExpression")})
_HTTP_AUTHORIZER = names(
    # Scopes, `IdentitySource` and `JwtConfiguration` are for JWT authorizers, which are named as a whole.
    "AuthorizerPayloadFormatVersion EnableSimpleResponses FunctionArn",
    """
    AuthorizationScopes EnableFunctionDefaultPermissions FunctionInvokeRole IdentitySource JwtConfiguration
    """,
)._replace(inside={"Identity": names(_SOURCES)})
_API_AUTH = names(
    "DefaultAuthorizer",
    "AddApiKeyRequiredToCorsPreflight AddDefaultAuthorizerToCorsPreflight InvokeRole",
    ApiKeyRequired=_KEYS,
    ResourcePolicy=_POLICY,
)._replace(
    inside={
        "Authorizers": Names(frozenset(), inside={_ANY: _REST_AUTHORIZER}),
        "UsagePlan": names("", "CreateUsagePlan Description Tags UsagePlanName", Quota=_COUNTED, Throttle=_THROTTLE),
    }
)
_HTTP_API_AUTH = names("DefaultAuthorizer", "EnableIamAuthorizer")._replace(
    inside={"Authorizers": Names(frozenset(), inside={_ANY: _HTTP_AUTHORIZER})}
)
_REST_INTEGRATION = names(
    "Type Uri",
    # The cache has a name in the line for its stage; a link leads to a load balancer, which makes the method unserved;
    # a function is always called with POST, and a proxy integration has the response of the function.
    """
    CacheKeyParameters CacheNamespace ConnectionId ConnectionType Credentials IntegrationHttpMethod
    IntegrationResponses IntegrationTarget PassthroughBehavior
    """,
    ContentHandling=_BINARY,
    RequestParameters=_REQUESTS,
    RequestTemplates=_REQUESTS,
    ResponseTransferMode="responses are buffered",
    TimeoutInMillis=_TIMEOUT,
)

APIS: Mapping[str, Names] = {
    "AWS::ApiGateway::Authorizer": names(
        "AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource IdentityValidationExpression RestApiId Type",
        # A user pool is named by the routes that ask for it; `AuthType` is for documents that are exported.
        "AuthType AuthorizerCredentials Name ProviderARNs",
    ),
    "AWS::ApiGateway::BasePathMapping": names("", "DomainName RestApiId Stage", BasePath=_PATHS),
    "AWS::ApiGateway::BasePathMappingV2": names("", "DomainNameArn RestApiId Stage", BasePath=_PATHS),
    "AWS::ApiGateway::Deployment": names(
        "", "Description RestApiId StageName", DeploymentCanarySettings=_CANARY, StageDescription=_METHODS
    ),
    "AWS::ApiGateway::DomainName": names(
        "",
        # Certificates, TLS, and where the name can be reached from.
        """
        CertificateArn EndpointAccessMode EndpointConfiguration OwnershipVerificationCertificateArn
        RegionalCertificateArn RoutingMode SecurityPolicy Tags
        """,
        DomainName=_DOMAIN,
        MutualTlsAuthentication="clients need no certificate",
    ),
    "AWS::ApiGateway::DomainNameV2": names(
        "",
        "CertificateArn EndpointAccessMode EndpointConfiguration RoutingMode SecurityPolicy Tags",
        DomainName=_DOMAIN,
        Policy=_POLICY,
    ),
    "AWS::ApiGateway::GatewayResponse": names(
        "",
        "ResponseParameters ResponseTemplates RestApiId StatusCode",  # said once, of its type
        ResponseType=_ERRORS,
    ),
    "AWS::ApiGateway::Method": names(
        "AuthorizationType AuthorizerId HttpMethod ResourceId RestApiId",
        # Models and required parameters take a validator; a proxy integration has no method responses.
        "MethodResponses OperationName RequestModels RequestParameters",
        ApiKeyRequired=_KEYS,
        AuthorizationScopes=_SCOPES,
        RequestValidatorId=_VALIDATED,
    )._replace(inside={"Integration": _REST_INTEGRATION}),
    "AWS::ApiGateway::Resource": names("ParentId PathPart RestApiId"),
    "AWS::ApiGateway::RestApi": names(
        "Body BodyS3Location",
        # How a document is imported, where the API can be reached from, and where keys are, which are not checked.
        """
        ApiKeySourceType Description EndpointAccessMode EndpointConfiguration FailOnWarnings Mode Name SecurityPolicy
        Tags Version
        """,
        BinaryMediaTypes=_BINARY,
        CloneFrom="nothing is copied",
        DisableExecuteApiEndpoint=_ENDPOINT,
        MinimumCompressionSize="responses are not compressed",
        Parameters="its document is read without them",
        Policy=_POLICY,
    ),
    "AWS::ApiGateway::Stage": names(
        "",
        # Logs and traces of the API, and the certificate for backends that are not functions.
        """
        AccessLogSetting ClientCertificateId DeploymentId Description DocumentationVersion RestApiId StageName Tags
        TracingEnabled
        """,
        CacheClusterEnabled=_CACHE,
        CacheClusterSize=_CACHE,
        CanarySetting=_CANARY,
        MethodSettings=_METHODS,
        Variables=_VARIABLES,
    ),
    "AWS::ApiGateway::UsagePlan": names(
        "", "ApiStages Description Tags UsagePlanName", Quota=_COUNTED, Throttle=_THROTTLE
    ),
    "AWS::ApiGatewayV2::Api": names(
        "Body BodyS3Location ProtocolType RouteKey Target",
        # The selection expressions and `DisableSchemaValidation` are for WebSocket APIs.
        """
        ApiKeySelectionExpression CredentialsArn Description DisableSchemaValidation FailOnWarnings IpAddressType Name
        RouteSelectionExpression Tags Version
        """,
        BasePath="paths of its document are as they are",
        DisableExecuteApiEndpoint=_ENDPOINT,
    )._replace(inside={"CorsConfiguration": CORS}),
    "AWS::ApiGatewayV2::ApiGatewayManagedOverrides": names(
        "", "ApiId", Integration=_DEFAULTS, Route=_DEFAULTS, Stage=_DEFAULTS
    ),
    "AWS::ApiGatewayV2::ApiMapping": names("", "ApiId DomainName Stage", ApiMappingKey=_PATHS),
    "AWS::ApiGatewayV2::Authorizer": names(
        """
        ApiId AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType AuthorizerUri
        EnableSimpleResponses IdentitySource
        """,
        # API Gateway does not use the expression; JWT authorizers are named by the routes that ask for them.
        "AuthorizerCredentialsArn IdentityValidationExpression JwtConfiguration Name",
    ),
    "AWS::ApiGatewayV2::DomainName": names(
        "",
        "DomainNameConfigurations RoutingMode Tags",
        DomainName=_DOMAIN,
        MutualTlsAuthentication="clients need no certificate",
    ),
    "AWS::ApiGatewayV2::Integration": names(
        "ApiId IntegrationType IntegrationUri PayloadFormatVersion",
        # For WebSocket APIs, for private integrations, and for services other than Lambda, whose routes are not served.
        """
        ConnectionId ConnectionType ContentHandlingStrategy CredentialsArn Description IntegrationMethod
        IntegrationSubtype PassthroughBehavior RequestTemplates TemplateSelectionExpression TlsConfig
        """,
        RequestParameters=_REQUESTS,
        ResponseParameters=_RESPONSES,
        TimeoutInMillis=_TIMEOUT,
    ),
    "AWS::ApiGatewayV2::Route": names(
        "ApiId AuthorizationType AuthorizerId RouteKey Target",
        # Apart from the name, for WebSocket APIs.
        """
        ApiKeyRequired ModelSelectionExpression OperationName RequestModels RequestParameters
        RouteResponseSelectionExpression
        """,
        AuthorizationScopes=_SCOPES,
    ),
    "AWS::ApiGatewayV2::RoutingRule": names(
        "", "Conditions DomainNameArn Priority", Actions="names lead to no API here"
    ),
    "AWS::ApiGatewayV2::Stage": names(
        "",
        # Logs, and the certificate that WebSocket APIs have.
        "AccessLogSettings ApiId AutoDeploy ClientCertificateId DeploymentId Description StageName Tags",
        DefaultRouteSettings=_THROTTLE,
        RouteSettings=_THROTTLE,
        StageVariables=_VARIABLES,
    ),
    "AWS::Serverless::Api": names(
        "DefinitionBody DefinitionUri",
        """
        AccessLogSetting AlwaysDeploy ApiKeySourceType Description EndpointAccessMode EndpointConfiguration
        FailOnWarnings MergeDefinitions Mode Name OpenApiVersion PropagateTags SecurityPolicy StageName Tags
        TracingEnabled
        """,
        BinaryMediaTypes=_BINARY,
        CacheClusterEnabled=_CACHE,
        CacheClusterSize=_CACHE,
        CanarySetting=_CANARY,
        DisableExecuteApiEndpoint=_ENDPOINT,
        Domain=_DOMAIN,
        GatewayResponses=_ERRORS,
        MethodSettings=_METHODS,
        MinimumCompressionSize="responses are not compressed",
        Models=_VALIDATED,
        Policy=_POLICY,
        Variables=_VARIABLES,
    )._replace(inside={"Auth": _API_AUTH, "Cors": _REST_CORS}),
    "AWS::Serverless::HttpApi": names(
        "DefinitionBody DefinitionUri",
        "AccessLogSettings Description FailOnWarnings Name PropagateTags StageName Tags",
        DefaultRouteSettings=_THROTTLE,
        DisableExecuteApiEndpoint=_ENDPOINT,
        Domain=_DOMAIN,
        RouteSettings=_THROTTLE,
        StageVariables=_VARIABLES,
    )._replace(
        inside={"Auth": names("Authorizers DefaultAuthorizer", "EnableIamAuthorizer"), "CorsConfiguration": CORS}
    ),
}
"""Stages have other names here, and no place in a path: see docs/routes.md."""
WITHOUT_EFFECT_ON_CALLS = frozenset(
    """
    AWS::ApiGateway::Account AWS::ApiGateway::ApiKey AWS::ApiGateway::ClientCertificate
    AWS::ApiGateway::DocumentationPart AWS::ApiGateway::DocumentationVersion
    AWS::ApiGateway::DomainNameAccessAssociation AWS::ApiGateway::Model AWS::ApiGateway::RequestValidator
    AWS::ApiGateway::UsagePlanKey AWS::ApiGateway::VpcLink
    AWS::ApiGatewayV2::Deployment AWS::ApiGatewayV2::IntegrationResponse AWS::ApiGatewayV2::Model
    AWS::ApiGatewayV2::PortalProduct AWS::ApiGatewayV2::RouteResponse AWS::ApiGatewayV2::VpcLink
    """.split()
)
"""Types whose resources change no call: they describe, log and document, or belong to WebSocket APIs and to networks.

API keys, models and validators are named by the methods that need them.
"""

AUTH = names(
    "Authorizer",
    "InvokeRole OverrideApiAuth",
    ApiKeyRequired=_KEYS,
    AuthorizationScopes=_SCOPES,
    ResourcePolicy=_POLICY,
)
"""The properties of `Auth` in an event that is a route."""
ROUTE_EVENTS: Mapping[str, Names] = {
    "Api": names(
        "Method Path RestApiId",
        RequestModel=_VALIDATED,
        RequestParameters=_VALIDATED,
        ResponseTransferMode="responses are buffered",
        TimeoutInMillis=_TIMEOUT,
    )._replace(inside={"Auth": AUTH}),
    "HttpApi": names(
        "ApiId Method Path PayloadFormatVersion",
        RouteSettings=_THROTTLE,
        TimeoutInMillis=_TIMEOUT,
    )._replace(inside={"Auth": AUTH}),
}
"""The properties of such events:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-api.html."""
