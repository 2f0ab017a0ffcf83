"""The processes of an environment: how they are started, watched, measured and ended."""
