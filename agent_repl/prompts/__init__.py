"""Premises → what is sent."""
