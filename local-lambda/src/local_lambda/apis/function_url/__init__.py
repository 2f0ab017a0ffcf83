"""Function URLs: each is an HTTP endpoint of one function."""
