"""What hostile programs may harm, and how it is seen: canary files, a process, listeners, shared memory, hosts."""

from __future__ import annotations

import array
import ctypes
import hashlib
import itertools
import json
import os
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

from hostile_programs import PROGRAMS, Program
from kit import session

HERE = Path(__file__).parent
TOKEN = "zq7secret-{}-" + os.urandom(16).hex()
VICTIM = """
import ctypes, json, os, resource, signal, sys
held = ctypes.create_string_buffer(sys.argv[2].encode())
place = os.open(sys.argv[1], os.O_RDONLY)
told = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO, signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, lambda n, frame: told.append(n))
print(json.dumps([ctypes.addressof(held), len(sys.argv[2]), place]), flush=True)
while True:
    line = os.read(0, 100)
    if not line:
        break
    print(json.dumps([held.value.decode(), told, os.getpriority(os.PRIO_PROCESS, 0),
        sorted(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_NOFILE),
        open("/proc/self/oom_score_adj").read()]), flush=True)
"""
_number = itertools.count(1)


class Victim:
    """A process of the test's own, that tells how it is."""

    def __init__(self, folder: Path) -> None:
        (hidden := folder / "victim.txt").write_text(TOKEN.format("open"))
        around = {**os.environ, "ZQ7_TOKEN": TOKEN.format("other")}
        command = [sys.executable, "-I", "-S", "-c", VICTIM, str(hidden), TOKEN.format("memory")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=around, start_new_session=True
        )
        self.address, self.length, self.place = json.loads(self._line(20))
        self.well = self.how(20)

    def _line(self, seconds: float) -> bytes:
        assert self.process.stdout is not None
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        return self.process.stdout.readline() if ready else b""

    def how(self, seconds: float = 3) -> bytes:
        """Its own words; nothing where it does not answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"?\n")
            self.process.stdin.flush()
        except OSError:
            return b""
        return self._line(seconds)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Listeners:
    """Doors of every kind on this machine, and what was said at them."""

    def __init__(self, folder: Path) -> None:
        self.said = b""
        self.unix, self.dgram, self.abstract = str(folder / "door"), str(folder / "slot"), f"zq7-{os.getpid()}"
        self.tcp, self.six = _server("127.0.0.1"), _server("::1")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        doors = [self.tcp, *([self.six] if self.six else []), self.udp]
        for kind, name in (("s", self.unix), ("s", "\0" + self.abstract), ("d", self.dgram)):
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "s" else socket.SOCK_DGRAM)
            door.bind(name)
            if kind == "s":
                door.listen()
            doors.append(door)
        self._doors = doors
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        held = list(self._doors)
        while held:
            try:
                ready = select.select(held, [], [], 1)[0]
            except (OSError, ValueError):
                return
            for each in ready:
                with suppress(OSError):
                    if each in self._doors and each.type == socket.SOCK_STREAM:
                        held.append(each.accept()[0])
                        continue
                    data = each.recvmsg(4096, socket.CMSG_SPACE(array.array("i", [0]).itemsize))
                    for _, _, numbers in data[1]:
                        os.close(array.array("i", numbers)[0])
                    self.said += data[0]
                    if not data[0] and each not in self._doors:
                        held.remove(each)
                        each.close()

    def close(self) -> None:
        for door in self._doors:
            door.close()


def _server(host: str) -> Any:
    try:
        return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        return None


class Shared:
    """A segment, a queue and a semaphore of System V, and a segment of POSIX."""

    def __init__(self) -> None:
        libc = self._libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        key = 0x5A510000 | os.getpid() & 0xFFFF
        self.keys = key, key + (1 << 16), key + (2 << 16)
        self._ids = (
            libc.shmget(key, 4096, 0o1600),
            libc.msgget(self.keys[1], 0o1600),
            libc.semget(self.keys[2], 1, 0o1600),
        )
        self._place = libc.shmat(self._ids[0], None, 0)
        self.posix = shared_memory.SharedMemory(create=True, size=4096)
        self.renew()

    def renew(self) -> None:
        ctypes.memmove(self._place, b"whole", 5)
        self.posix.buf[:5] = b"whole"
        self._libc.semctl(self._ids[2], 0, 16, 1)
        held = ctypes.create_string_buffer(4096)
        while self._libc.msgrcv(self._ids[1], held, 4000, 0, 0o4000) >= 0:
            continue

    def how(self) -> list[Any]:
        about = ctypes.create_string_buffer(200)
        self._libc.msgctl(self._ids[1], 2, about)
        return [
            ctypes.string_at(self._place, 5),
            bytes(self.posix.buf[:5]),
            self._libc.semctl(self._ids[2], 0, 12),
            about.raw[80:88],  # how many messages wait
        ]

    def close(self) -> None:
        self.posix.close()
        self.posix.unlink()
        self._libc.shmdt(ctypes.c_void_p(self._place))
        self._libc.shmctl(self._ids[0], 0, None)
        self._libc.msgctl(self._ids[1], 0, None)
        self._libc.semctl(self._ids[2], 0, 0)


class Host:
    """The driver in a process of its own, which may die."""

    def __init__(self, executor: str, folder: Path, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.executor, self.settings = folder, executor, settings
        self.cpu = 0.0
        self.start()

    def start(self) -> None:
        around = {"ZQ7_TOKEN": TOKEN.format("host"), "ZQ7_SETTINGS": json.dumps(self.settings)}
        around |= {"HOME": str(self.folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parent)}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "hostile_driver.py"), self.executor, str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(self.folder / "errors").open("ab"),
            env=around, start_new_session=True, bufsize=0,
        )  # fmt: skip

    def ask(self, asked: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Its report; "died" or "hung" where there is none, and then another host is started."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        text, end = b"", time.monotonic() + seconds
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        while not text.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return self._lost("hung")
            if not (data := self.process.stdout.read(1 << 16)):
                return self._lost("died")
            text += data
        report: dict[str, Any] = json.loads(text)
        self.cpu += report.get("cpu", 0)
        return report

    def _lost(self, how: str) -> dict[str, Any]:
        self.close()
        shutil.rmtree(self.folder / "own", ignore_errors=True)
        self.start()
        said = (self.folder / "errors").read_text(errors="replace")[-2000:]
        return {"status": how, "type": "", "text": said, "host": [], "odd": [], "memory": 0, "marked": 0}

    def close(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class World:
    """All that the programs may harm, made anew for each of them where it is cheap, and hosts to harm it from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, f"zq7{os.getpid() % 10**7}"
        self.listeners, self.shared, self.victim = Listeners(folder), Shared(), Victim(folder)
        self._template = self._outside(folder / "template")
        self.places: list[tuple[str, Path, dict[str, Any]]] = []
        self.hosts: dict[str, Host] = {}

    def _outside(self, place: Path) -> Path:
        """What lies where no program may reach."""
        (place / "inner").mkdir(parents=True)
        (place / "names" / TOKEN.format("name")).mkdir(parents=True)
        (place / "granted").mkdir()
        (place / "granted" / "numbers.txt").write_text("1\n2\n3\n")
        (place / "canary.txt").write_text("whole " * 2000)
        (place / "inner" / "deep.txt").write_text("deep")
        (place / "hidden.txt").write_text(TOKEN.format("file") + "\n")
        (place / "hidden.txt.py").write_text(f"WORD = {TOKEN.format('module')!r}\n")
        (place / "log.txt").write_text("")
        base = sqlite3.connect(place / "hidden.txt.db")
        base.execute("create table hidden(word)")
        base.execute("insert into hidden values (?)", (TOKEN.format("base"),))
        base.commit()
        base.close()
        (site := place / "site" / "__pycache__").mkdir(parents=True)
        (place / "site" / "zq7mod.py").write_text("WORD = 1\n")
        (site / "zq7mod.cpython-311.pyc").write_bytes(b"\0" * 16 + b"\xe3code")
        home = session(place, 'def total(self):\n    """One."""\n    return 1')
        home.agent("reader").total()
        home.shop.store.close() if hasattr(home.shop.store, "close") else None
        return place

    def host(self, executor: str, **settings: Any) -> Host:
        if executor not in self.hosts:
            self.hosts[executor] = Host(executor, self.folder / "hosts" / executor, **settings)
        return self.hosts[executor]

    def run(self, program: Program, executor: str, seconds: float = 2, **settings: Any) -> set[str]:
        """Which harms are seen when this program runs there; the report is `self.report`."""
        number = next(_number)
        place = self.folder / f"{number:04}"
        shutil.copytree(self._template, place)
        tag = f"zq7tag{number:04}x"
        values = self._values(place, tag)
        before = snapshot(place)
        asked = {
            "name": program.name, "number": number, "source": program.text(values), "harm": program.harm,
            "path": str(place / "granted" / "numbers.txt"), "canary": values["CANARY"], "home": values["HOME"],
            "screen": str(self.folder / "screen.txt"), "log": str(place / "log.txt"), "mark": self.mark,
            "own": str(self.folder / "own" / str(number) / ".agent_repl"), "seconds": seconds,
        }  # fmt: skip
        self.report = self.host(executor, **settings).ask(asked)
        if executor == "sandbox":
            self.places.append((program.name, place, before))
        harms = set(self._harms(asked, before, place, tag))
        if "victim" in harms:
            self.victim.close()
            self.victim = Victim(self.folder)
        return harms

    def _values(self, place: Path, tag: str) -> dict[str, Any]:
        doors, (shm, queue, sem) = self.listeners, self.shared.keys
        return {
            "SECRET": str(place / "hidden.txt"), "CANARY": str(place / "canary.txt"), "FOLDER": str(place),
            "NEW": str(place / "new"), "SITE": str(place / "site"), "HOME": str(place / ".agent_repl"), "TAG": tag,
            "MARK": self.mark, "UNIX": doors.unix, "DGRAM": doors.dgram, "ABSTRACT": doors.abstract,
            "SEGMENT": self.shared.posix.name, "TCP": doors.tcp.getsockname()[1], "UDP": doors.udp.getsockname()[1],
            "SIX": doors.six.getsockname()[1] if doors.six else 0, "VICTIM": self.victim.process.pid,
            "ADDRESS": self.victim.address, "LENGTH": self.victim.length, "VICTIM_FD": self.victim.place,
            "SHM": shm, "QUEUE": queue, "SEM": sem,
        }  # fmt: skip

    def _harms(self, asked: dict[str, Any], before: dict[str, Any], place: Path, tag: str) -> Any:
        report, screen = self.report, Path(asked["screen"]).read_bytes()
        if "zq7secret" in report["text"] or b"zq7secret" in screen:
            yield "secret"
        if tag in report["text"]:
            yield "done"
        if report.get("later"):
            yield "later"
        if asked["harm"] != "locked" and (after := snapshot(place)) != before:
            report["files"] = [str(name) for name in {*after, *before} if after.get(name) != before.get(name)]
            yield "files"
        if report["status"] in ("hung", "died"):
            yield report["status"]
        if report["status"] == "left":
            yield "died"
        if report.get("host"):
            yield "host"
        if report.get("odd"):
            yield "answer"
        if report.get("memory", 0) > 400_000:
            yield "memory"
        if report.get("marked"):
            yield "processes"
        if report.get("locked"):
            yield "locked"
        if self.mark.encode() in screen and any(c in screen.decode(errors="replace") for c in CONTROLS):
            yield "screen"
        if self.shared.how() != [b"whole", b"whole", 1, bytes(8)]:
            self.shared.renew()
            yield "ipc"
        if tag.encode() in self.listeners.said or (asked["harm"] == "network" and self._hears(tag)):
            yield "network"
        if self.victim.how() != self.victim.well:
            yield "victim"

    def _hears(self, tag: str) -> bool:
        """The listener's thread is given a moment, where something may still be on its way."""
        end = time.monotonic() + 0.2
        while time.monotonic() < end and tag.encode() not in self.listeners.said:
            time.sleep(0.01)
        return tag.encode() in self.listeners.said

    def late(self) -> list[str]:
        """Programs whose canaries changed after they had been looked at, when their workers are long gone."""
        return [name for name, place, before in self.places if snapshot(place) != before]

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()
        self.listeners.close()
        self.shared.close()
        self.victim.close()


CONTROLS = "\x1b\x07\x08\r\x9b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def snapshot(place: Path) -> dict[str, Any]:
    """Every file below, with all that can be changed of it but when it was read."""
    found: dict[str, Any] = {}
    for folder, folders, files in os.walk(place):
        for name in (".", *folders, *files):
            path = os.path.join(folder, name)
            about = os.lstat(path)
            held = (about.st_mode, about.st_uid, about.st_gid, about.st_size, about.st_mtime_ns, about.st_ino)
            link = os.readlink(path) if os.path.islink(path) else ""
            whole = about.st_mode & 0o170000 == 0o100000
            data = hashlib.sha1(Path(path).read_bytes(), usedforsecurity=False).hexdigest() if whole else ""
            found[path] = (*held, link, data, tuple(os.listxattr(path, follow_symlinks=False)))
    return found


__all__ = ["PROGRAMS", "Host", "World", "snapshot"]
