"""Environments of many functions: creating, reusing and limiting them."""
