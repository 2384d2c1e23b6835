"""Versions as source: live functions that tracebacks can show, and class files that a person enjoys reading."""

from .classfile import Part, class_name, default, render, units
from .live import findable, load_class, namespace, unit_scope
from .place import placed

__all__ = [
    "Part",
    "class_name",
    "default",
    "findable",
    "load_class",
    "namespace",
    "placed",
    "render",
    "unit_scope",
    "units",
]
