"""Hostile programs, by what they do; see `table`. And twenty that do no harm, see `benign`."""

from . import bombs, files, forged, kernel, lies, looks, network, processes, traps
from .benign import BENIGN, Useful
from .table import CALLS, HARMS, PROGRAMS, Program

__all__ = ["BENIGN", "CALLS", "HARMS", "PROGRAMS", "Program", "Useful"]
__all__ += ["bombs", "files", "forged", "kernel", "lies", "looks", "network", "processes", "traps"]
