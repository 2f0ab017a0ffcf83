"""Attacks on the tool from outside: through its command line, its ports, and signals. See README.md in this folder."""
