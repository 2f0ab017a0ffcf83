"""A function whose Init phase has something to do: it imports about what a small service imports."""

import asyncio
import decimal
import email.message
import http.client
import logging.config
import sqlite3
import ssl
import unittest.mock
import xml.etree.ElementTree
from typing import Any

USED = (asyncio, decimal, email, http, logging, sqlite3, ssl, unittest, xml)


def handler(event: Any, context: Any) -> Any:
    """Return the event."""
    return event
