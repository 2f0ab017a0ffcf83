"""The two steps that AWS X-Ray shows by name: one traced by hand, one by a patched library."""

import logging
import os
import platform
from typing import Dict, Optional

import requests
from aws_xray_sdk.core import patch_all, xray_recorder

# Patches the libraries the X-Ray SDK knows: from here on each call made with `requests` appears in the trace.
patch_all()

logger = logging.getLogger(__name__)


def get_runtime_info() -> Dict[str, str]:
    """Describe the Python that runs, inside a custom subsegment."""
    with xray_recorder.in_subsegment("getRuntimeInfo"):
        info = {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "system": platform.system(),
            "machine": platform.machine(),
        }
        # You can search traces by an annotation. Metadata is only shown with its trace, but can be any JSON.
        xray_recorder.put_annotation("python", info["python"])
        xray_recorder.put_metadata("runtime", info)
    return info


def get_public_ip() -> Optional[str]:
    """Ask a service on the network which address it sees us at; None when it does not respond."""
    url = os.environ.get("CHECK_IP_URL") or "https://checkip.amazonaws.com"
    try:
        # Without a timeout a silent service holds the function until Lambda stops it, and you pay for that time.
        response = requests.get(url, timeout=2)
        response.raise_for_status()
    except requests.RequestException as error:
        # The greeting does not need the address, so the function carries on. The trace still shows the failure.
        logger.warning("No public IP from %s: %s", url, error)
        return None
    return response.text.strip()
