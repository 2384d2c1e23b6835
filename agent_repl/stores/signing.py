"""This user's key, and the codes that only it can make.

What is covered: bytes that somebody else wrote, or changed by one bit, do not match their code.
What is not covered: a signed row that was removed, or an older signed row that was put back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import StoreError

SIZE = 32


@dataclass(frozen=True)
class SigningKey:
    """An HMAC-SHA256 key, a new one where none is given; `note` tells the person why it will be gone tomorrow."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(SIZE), repr=False)
    note: str = ""

    def sign(self, data: bytes) -> str:
        """The code of these bytes, as 64 hexadecimal digits."""
        return hmac.digest(self.secret, data, hashlib.sha256).hex()

    def verify(self, data: bytes, mac: str) -> bool:
        """Whether this key made `mac` for exactly these bytes; takes the same time for every wrong code."""
        return hmac.compare_digest(self.sign(data).encode(), mac.encode("utf-8", "backslashreplace"))


def user_key(path: Path | None = None) -> SigningKey:
    """This user's key in `path` (default: the user's state directory), made when it is not there yet.

    Processes that make it at the same moment agree on one. Where it cannot be made the key lasts as long as the
    process and says so in its note. Raises StoreError for a key that others can read, or that is damaged.
    """
    if path is None:
        from platformdirs import user_state_path

        path = user_state_path("agent_repl", appauthor=False) / "key"
    try:
        if not path.exists():
            _make(path)
        return SigningKey(_read(path))
    except OSError as error:
        why = f"This user's key cannot be kept in {path} ({error.strerror})"
        return SigningKey(note=f"{why}: what is learnt now will have to be trusted again in the next session.")


def canonical(value: Any) -> str:
    """The one JSON text of a value that codes are made for; a lone surrogate is escaped, and reads back as it was."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(SIZE))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        why = f"The key {path} can be read or changed by others, so its signatures prove nothing"
        raise StoreError(f"{why}: if nobody has used it, run chmod 600 {path}; otherwise remove it to get a new one.")
    # The process that made the file may not have written to it yet.
    for _ in range(100):
        if len(secret := path.read_bytes()) == SIZE:
            return secret
        time.sleep(0.01)
    why = f"The key {path} is damaged: it should hold {SIZE} bytes"
    raise StoreError(f"{why}. Put back a copy; or remove it to get a new one, which does not trust what it signed.")
