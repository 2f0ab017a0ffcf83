"""Environments of many functions: how they are made, reused and limited."""
