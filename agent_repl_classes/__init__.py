"""Methods from words, on agents and on ordinary classes."""

from .classes import Agentic, agentic, configure, reset
from .files import save
from .words import describe

__all__ = ["Agentic", "agentic", "configure", "describe", "reset", "save"]
