"""Dynamic references: `{{resolve:ssm:/name}}` and `{{resolve:secretsmanager:name:SecretString:key}}`, read in moto.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
from typing import Any

from local_lambda.errors import UsageError


def look_up(reference: str, account: str, region: str) -> str:
    """The value of a reference, braces included. Raises UsageError if there is none."""
    service, _, name = reference.strip("{}").removeprefix("resolve:").partition(":")
    found = _secret(name, account, region) if service == "secretsmanager" else _parameter(name, account, region)
    if found is None:
        how = "secret" if service == "secretsmanager" else "parameter"
        raise UsageError(f"{reference}: there is no such {how}; declare it in the template")
    return found


def _parameter(name: str, account: str, region: str) -> str | None:
    from moto.ssm.models import ssm_backends

    parameter = ssm_backends[account][region].get_parameter(name)
    return None if parameter is None else str(parameter.value)


def _secret(name: str, account: str, region: str) -> str | None:
    from moto.secretsmanager.models import secretsmanager_backends

    if name.startswith("arn:"):
        *arn, rest = name.split(":", 6)
        secret_id, *parts = rest.split(":")
        secret_id = ":".join((*arn, secret_id))
    else:
        secret_id, *parts = name.split(":")
    _, key, stage, version = (*parts, "", "", "", "")[:4]
    try:
        value: Any = secretsmanager_backends[account][region].get_secret_value(secret_id, version, stage)
    except Exception:  # of moto: there is none, or not this version
        return None
    text = value.get("SecretString")
    if not key or text is None:
        return None if text is None else str(text)
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        return None
