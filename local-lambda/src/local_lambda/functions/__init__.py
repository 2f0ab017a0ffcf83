"""The functions of a template: their configuration, code, layers and interpreters."""
