"""Exercises with a checker: `make learn` at the root of the repository. See ../README.md."""
