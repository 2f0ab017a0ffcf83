"""The processes of an environment: starting, watching, measuring and ending them."""
