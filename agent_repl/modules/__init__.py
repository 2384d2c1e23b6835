"""Versions as source: live functions that tracebacks can show, and class files that a person enjoys reading."""

from .classfile import Part, class_name, render, units
from .live import load_class, namespace
from .page import Page, read

__all__ = ["Page", "Part", "class_name", "load_class", "namespace", "read", "render", "units"]
