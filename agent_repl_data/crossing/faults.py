"""What can be wrong with a value on its way."""


class CannotCross(Exception):
    """A value that cannot be sent; says which and why."""


class Malformed(Exception):
    """Bytes that are no message."""
