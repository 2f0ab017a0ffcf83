"""The core: one execution environment, its phases and its states."""
