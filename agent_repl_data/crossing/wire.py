"""Messages through a pipe, each after its length; and what the other side has of some state."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from . import FIXED, LIMIT, TEXT, CannotCross, Malformed, Packed, digest, pack, unpack


def framed(message: Any) -> list[Any]:
    """A message as buffers: its length, and it."""
    packed = pack(message)
    return [struct.pack("<Q", sum(map(len, packed))), *packed]


def received(read_into: Callable[[memoryview], int], text: int = 0) -> Any:
    """The next message of the other side; raises EOFError where there is none, Malformed where it is none.

    Its JSON may be of `text` bytes, where that is said.
    """
    size = struct.unpack("<Q", _filled(read_into, 8))[0]
    if size > LIMIT:
        raise Malformed(f"a message of {size >> 20} MB")
    return unpack(_filled(read_into, size), views=True, text=text or TEXT)


def _filled(read_into: Callable[[memoryview], int], size: int) -> bytearray:
    data, at = bytearray(min(size, 1 << 24)), 0
    while at < size:
        if at == len(data):
            data += bytes(min(at, size - at))  # a size that lies takes no more than twice what was sent
        with memoryview(data) as view, view[at : at + (1 << 20)] as room:
            if not (count := read_into(room)):
                raise EOFError
        at += count
    return data


class Mirror:
    """What the other side has of the state of an agent: only what is otherwise is sent."""

    def __init__(self, pickles: bool) -> None:
        self._pickles = pickles
        self._known: dict[str, tuple[Any, bytes]] = {}

    def changes(self, state: Mapping[str, Any], names: Iterable[str]) -> tuple[dict[str, Packed], list[str]]:
        """Of these names, what the other side has not yet, packed, and what is gone; raises CannotCross."""
        changed, gone = {}, []
        for name in names:
            if name not in state:
                gone += [name] * (self._known.pop(name, None) is not None)
            elif (packed := self._news(name, state[name])) is not None:
                changed[name] = packed
        return changed, gone

    def _news(self, name: str, value: Any) -> Packed | None:
        fixed, (known, mark) = type(value) in FIXED, self._known.get(name, (None, b""))
        if fixed and mark and value is known:
            return None
        try:
            packed = pack(value, self._pickles)
        except CannotCross as error:
            raise CannotCross(f"self.{name}: {error}") from None
        self._known[name] = value if fixed else None, (found := digest(packed))
        return None if found == mark else packed

    def takes(self, name: str, data: Any) -> Any:
        """The value that the other side sent."""
        value = unpack(data, self._pickles)
        self._known.pop(name, None)
        self._news(name, value)
        return value

    def forget(self, names: Collection[str]) -> None:
        """The other side may have anything by these names."""
        for name in names:
            self._known.pop(name, None)
