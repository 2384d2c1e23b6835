"""Methods from words, on agents and on ordinary classes."""

from .agentic import Agentic, agentic
from .describe import describe
from .save import save
from .setup import configure, reset

__all__ = ["Agentic", "agentic", "configure", "describe", "reset", "save"]
