"""Methods from words, on agents and on ordinary classes."""

from .agentic import Agentic, agentic, configure, reset
from .describe import describe
from .save import save

__all__ = ["Agentic", "agentic", "configure", "describe", "reset", "save"]
