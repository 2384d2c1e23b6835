"""The tasks, a module per family."""
