"""Grow software by using it: methods are written by a model when first called, reviewed, then plain Python."""
