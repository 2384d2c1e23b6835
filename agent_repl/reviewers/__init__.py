"""Who decides about new code."""
