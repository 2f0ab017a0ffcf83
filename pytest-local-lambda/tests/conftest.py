"""The plugin is tested with pytest's own fixture for plugins."""

pytest_plugins = ["pytester"]
