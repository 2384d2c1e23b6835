"""A class that needs nothing of ours, with its tests, and the way back."""

from .adopting import adopt
from .leaving import emit

__all__ = ["adopt", "emit"]
