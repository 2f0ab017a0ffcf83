"""Events that describe one thing that happened: EventBridge, its schedules, and triggers of a Cognito user pool.

Shapes: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html and
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html.
"""

from __future__ import annotations

from typing import Any

from local_lambda.samples.origin import Origin, new_hex, new_id

Event = dict[str, Any]


def eventbridge(
    origin: Origin, source: str, detail_type: str, detail: dict[str, Any], resources: tuple[str, ...] = ()
) -> Event:
    """An event of an event bus."""
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": detail_type,
        "source": source,
        "account": origin.account,
        "time": origin.iso("seconds"),
        "region": origin.region,
        "resources": list(resources),
        "detail": detail,
    }


def schedule(origin: Origin, rule: str) -> Event:
    """An event of a rule with a schedule."""
    return eventbridge(origin, "aws.events", "Scheduled Event", {}, (origin.arn("events", f"rule/{rule}"),))


COGNITO: dict[str, tuple[str, Event, Event]] = {
    "pre-sign-up": (
        "PreSignUp_SignUp",
        {"validationData": None},
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    ),
    "post-confirmation": ("PostConfirmation_ConfirmSignUp", {}, {}),
    "pre-authentication": ("PreAuthentication_Authentication", {"validationData": None}, {}),
    "post-authentication": ("PostAuthentication_Authentication", {"newDeviceUsed": True}, {}),
    "pre-token-generation": (
        "TokenGeneration_Authentication",
        {"groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None}},
        {"claimsOverrideDetails": None},
    ),
    "custom-message": (
        "CustomMessage_SignUp",
        {"codeParameter": "{####}", "linkParameter": "{##Click Here##}", "usernameParameter": None},
        {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    ),
}
"""Trigger -> the name of its source, what it adds to the request, and the response that the function fills in."""


def cognito(origin: Origin, trigger: str, user: str) -> Event:
    """A trigger of a user pool, for a user with an email address."""
    source, request, response = COGNITO[trigger]
    attributes = {"sub": new_id(), "email": f"{user}@example.com", "email_verified": "true"}
    return {
        "version": "1",
        "triggerSource": source,
        "region": origin.region,
        "userPoolId": f"{origin.region}_{new_hex(9)}",
        "userName": user,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": new_hex(26)},
        "request": {"userAttributes": attributes, **request},
        "response": dict(response),
    }
