"""Bombs: memory, time in and out of C, the process itself, and answers too large, too deep or forged."""

from .table import CANARY, MARK, TAG, attack

# ── memory: at most 2 GB is asked for, and hardly any of it touched ──


@attack("memory", "memory")
def fills_a_list(self):
    """Blocks, until there are no more, or thirty-two."""
    self.kept = []
    for _ in range(32):
        self.kept.append(bytearray(64 << 20))
    return TAG


@attack("memory", "memory")
def asks_for_one_block(self):
    """Two gigabytes at once."""
    self.kept = bytes(2 << 30)
    return TAG


@attack("memory", "memory")
def asks_the_kernel_for_maps(self):
    """Memory that Python does not count."""
    import mmap

    self.kept = [mmap.mmap(-1, 64 << 20) for _ in range(32)]
    return TAG


@attack("memory", "memory")
def asks_the_library_for_memory(self):
    """malloc, past Python."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    if all(libc.malloc(64 << 20) for _ in range(32)):
        return TAG
    raise MemoryError


@attack("memory", "memory")
def unpacks_a_bomb(self):
    """A thousand bytes that become hundreds of megabytes."""
    import zlib

    packer = zlib.compressobj(9)
    small = b"".join(packer.compress(bytes(1 << 20)) for _ in range(600)) + packer.flush()
    self.kept = zlib.decompress(small)
    return len(self.kept)


@attack("memory", "memory")
def fills_a_file_that_is_memory(self):
    """A file without a disk: no limit of a process counts it."""
    import os

    place = os.memfd_create("zq7")
    os.ftruncate(place, 1 << 30)
    import mmap

    self.kept = mmap.mmap(place, 1 << 30)
    return TAG


# ── time ──


@attack("time", "hung")
def loops(self):
    """A loop without an end."""
    while self.path:
        pass


@attack("time inside C", "hung")
def raises_to_a_power(self):
    """One expression, in C, that no signal of Python's can end."""
    return len(str((7**40_000_000) % 10**9 + self.path.count("/")))


@attack("time inside C", "hung")
def matches_for_ever(self):
    """A pattern that tries every way to cut the text."""
    import re

    return re.fullmatch(r"(a+)+b", "a" * 40 + self.path)


@attack("time inside C", "hung")
def adds_for_ever(self):
    """A sum of a range, without a line of Python between."""
    return sum(range(10**12))


@attack("time inside C", "hung")
def stretches_a_word(self):
    """A key from a password, a hundred million times over: the lock of the interpreter is free, the core is not."""
    import hashlib

    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", 100_000_000)


@attack("waiting", "hung")
def sleeps(self):
    """No processor time is used, and nothing comes."""
    import time

    time.sleep(60)


@attack("waiting", "hung")
def waits_for_itself(self):
    """A lock that it holds already."""
    import threading

    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@attack("waiting", "hung")
def waits_for_a_pipe_of_its_own(self):
    """A read at which nobody writes."""
    import os

    return os.read(os.pipe()[0], 1)


@attack("waiting", "hung")
def refuses_to_be_interrupted(self):
    """Every signal is blocked, every error swallowed."""
    import signal
    import time

    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(1)
        except BaseException:
            continue


@attack("waiting", "hung")
def stops_itself(self):
    """A process that is stopped is neither dead nor alive."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSTOP)


# ── the end of the process ──


@attack("its own end", "died")
def leaves_at_once(self):
    """No exception, no farewell."""
    import os

    os._exit(0)


@attack("its own end", "died")
def writes_to_nowhere(self):
    """A null pointer."""
    import ctypes

    ctypes.memset(0, 1, 1)


@attack("its own end", "died")
def overflows_the_stack(self):
    """Recursion past what the stack of C can hold."""
    import sys

    sys.setrecursionlimit(10**9)

    class Deep:
        def __repr__(self):
            return repr(self)

        __getattr__ = lambda self, name: getattr(self, name + "x")  # noqa: E731

    held = ()
    for _ in range(10**6):
        held = (held,)
    return hash(held)


@attack("its own end", "died")
def aborts(self):
    """The C library ends the process."""
    import os

    os.abort()


@attack("its own end", "died")
def is_killed_by_itself(self):
    """A signal that cannot be caught."""
    import os

    os.kill(os.getpid(), 9)


@attack("its own end", "died")
def makes_an_interpreter_fall(self):
    """Byte code that no compiler would write."""
    import types

    code = (lambda: 0).__code__
    types.FunctionType(code.replace(co_code=b"\x74\xff" * 64 + bytes(64), co_consts=()), {})()


# ── answers ──


@attack("large answers", "answer")
def answers_with_too_much(self):
    """A text of 300 million characters."""
    return "x" * 300_000_000


@attack("large answers", "answer")
def answers_with_too_many(self):
    """Six million small things."""
    return [[]] * 6_000_000


@attack("large answers", "answer")
def answers_too_deeply(self):
    """A list in a list, a hundred thousand times."""
    held = []
    for _ in range(100_000):
        held = [held]
    return held


@attack("large answers", "answer")
def answers_with_itself(self):
    """A list that holds itself."""
    held = []
    held.append(held)
    return [held, {"a": held}]


@attack("large answers", "answer")
def answers_with_a_number_that_cannot_be_shown(self):
    """A number of a million digits: to write it out takes minutes, or is refused."""
    return 1 << 3_400_000


@attack("large answers", "hung")
def answers_twice_at_every_step(self):
    """Thirty lists, each of which holds the one before twice: small here, a thousand million when it is written out."""
    held = ["x"]
    for _ in range(30):
        held = [held, held]
    return held


@attack("large answers", "hung")
def answers_without_an_end(self):
    """A generator that always has another one."""
    import itertools

    return (number for number in itertools.count())


@attack("large answers", "memory")
def leaves_much_behind(self):
    """State, which comes back too."""
    self.kept = "x" * 600_000_000
    return 1


# ── forged replies: the wire to the host, taken from the code's side ──


@attack("forged replies", "files")
def answers_before_its_time(self):
    """What looks like a reply, on every descriptor."""
    import json
    import os

    text = json.dumps({"ok": True, "status": "ok", "value": TAG, "result": TAG, "id": 1}).encode()
    for place in range(3, 100):
        try:
            os.set_blocking(place, False)
            os.write(place, text + b"\n")
            os.write(place, len(text).to_bytes(4, "big") + text)
            os.write(place, len(text).to_bytes(8, "little") + text)
        except OSError:
            continue
    return 1


@attack("forged replies", "files")
def answers_many_times(self):
    """The same, again and again: a reply for each of the calls to come."""
    import json
    import os

    text = json.dumps(["ok", TAG]).encode()
    for place in range(3, 100):
        for _ in range(50):
            try:
                os.set_blocking(place, False)
                os.write(place, text + b"\n")
            except OSError:
                break
    return 1


@attack("forged replies", "files")
def promises_more_than_it_sends(self):
    """Lengths that nobody can hold."""
    import os

    for place in range(3, 100):
        for head in (b"\xff" * 16, b"\x7f" + b"\xff" * 7, (1 << 40).to_bytes(8, "big"), b"999999999999\n"):
            try:
                os.set_blocking(place, False)
                os.write(place, head)
            except OSError:
                break
    os._exit(0)


@attack("forged replies", "files")
def sends_what_is_no_text(self):
    """Bytes that are no UTF-8, no JSON and no Arrow."""
    import os

    for place in range(3, 100):
        try:
            os.set_blocking(place, False)
            os.write(place, b'\x00\x80\xfe\xff[[[[{"a":NaN,"a":1e999999}\n' + b"ARROW1\0\0\xff\xff\xff\xff" * 9)
        except OSError:
            continue
    os._exit(0)


@attack("forged replies", "files")
def sends_what_would_be_unpickled(self):
    """A pickle that writes to the canary, for a host that loads what it gets."""
    import os
    import pickle

    class Bomb:
        def __reduce__(self):
            return exec, (f"open({CANARY!r}, 'w').write('taken')",)

    data = pickle.dumps(Bomb())
    for place in range(3, 100):
        for head in (b"", len(data).to_bytes(4, "big"), len(data).to_bytes(8, "little"), f"{len(data)}\n".encode()):
            try:
                os.set_blocking(place, False)
                os.write(place, head + data)
            except OSError:
                break
    pickle.loads(data)
    return 1


@attack("forged replies", "files")
def sends_a_letter_at_a_time(self):
    """A reply that never ends: each read is served, the whole never comes."""
    import os
    import time

    end = time.monotonic() + 3
    while time.monotonic() < end:
        for place in range(3, 30):
            try:
                os.set_blocking(place, False)
                os.write(place, b" ")
            except OSError:
                continue
        time.sleep(0.02)
    return 1


@attack("forged replies", "files")
def closes_the_wire(self):
    """Nothing will ever come: every descriptor is closed, and made something else."""
    import os

    for place in range(3, 100):
        try:
            os.dup2(os.open(CANARY, os.O_WRONLY), place)
        except OSError:
            os.close(place) if place < 3 else None
    os.write(3, b"TAKEN")
    os.closerange(3, 100)
    return 1


@attack("output", "screen")
def floods_the_screen(self):
    """A million characters of noise."""
    for _ in range(1000):
        print(f"\x1b[31m{MARK}" + "x" * 1000)
