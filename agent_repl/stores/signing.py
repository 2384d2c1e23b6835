"""This user's key, and the codes that only it can make.

What is covered: bytes that somebody else wrote, or changed by one bit, do not match their code. What a person trusts is
known again by codes of its own, each for these bytes in this one place.
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import StoreError

SIZE = 32


@dataclass(frozen=True)
class SigningKey:
    """An HMAC-SHA256 key, a new one where none is given; `note` tells the person why it will be gone tomorrow.

    `trusted` are the codes of what others wrote and this user trusts in `place`; they are kept beside the key's `file`.
    """

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(SIZE), repr=False)
    note: str = ""
    file: Path | None = None
    place: str = ""
    trusted: frozenset[str] = field(default=frozenset(), repr=False)

    def sign(self, data: bytes) -> str:
        """The code of these bytes, as 64 hexadecimal digits."""
        return hmac.digest(self.secret, data, hashlib.sha256).hex()

    def verify(self, data: bytes, mac: str) -> bool:
        """Whether this key made `mac` for exactly these bytes, or its user trusts them in this place."""
        # It takes the same time for every wrong code.
        own = hmac.compare_digest(self.sign(data).encode(), mac.encode("utf-8", "backslashreplace"))
        return own or (bool(self.trusted) and self.trust(data) in self.trusted)

    def seal(self, data: bytes) -> str:
        """The code to keep these bytes with: what is only trusted, and only here, does not become this user's own."""
        code = self.trust(data) if self.trusted else ""
        return code if code in self.trusted else self.sign(data)

    def trust(self, data: bytes) -> str:
        """The code of these bytes in this place."""
        return self.sign(b"agent_repl trust\n" + os.fsencode(self.place) + b"\n" + hashlib.sha256(data).digest())

    def at(self, place: Path) -> SigningKey:
        """The same key in one home, with what its user trusts there; a code that is not of this key fits no bytes."""
        here = replace(self, place=os.fspath(place.resolve()))
        with suppress(OSError, ValueError, KeyError, TypeError):
            if here.list and _is_private(here.list):
                return replace(here, trusted=frozenset(json.loads(here.list.read_bytes())["codes"]))
        return here

    @property
    def list(self) -> Path | None:
        """The file that remembers what is trusted in this place, None where nothing can be remembered."""
        name = hashlib.sha256(os.fsencode(self.place)).hexdigest()[:32]
        return self.file and self.file.with_name(f"{self.file.name}.trusted") / f"{name}.json"


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
        return SigningKey(_read(path), file=path)
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


def _is_private(path: Path) -> bool:
    """Whether nobody else may read or write this file; where files have no modes there is nothing to ask."""
    about = path.stat()
    return not hasattr(os, "getuid") or (not about.st_mode & 0o077 and about.st_uid == os.getuid())


def _read(path: Path) -> bytes:
    if not _is_private(path):
        why = f"The key {path} can be read or changed by others, so its signatures prove nothing"
        raise StoreError(f"{why}: if nobody has used it, run chmod 600 {path}; otherwise remove it to get a new one.")
    # The process that made the file may not have written to it yet.
    for _ in range(100):
        if len(secret := path.read_bytes()) == SIZE:
            return secret
        time.sleep(0.01)
    why = f"The key {path} is damaged: it should hold {SIZE} bytes"
    raise StoreError(f"{why}. Put back a copy; or remove it to get a new one, which does not trust what it signed.")
