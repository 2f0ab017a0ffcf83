"""Programs that other interpreters run. Nothing here imports from the package."""
