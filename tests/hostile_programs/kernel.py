"""The kernel: namespaces, mounts, large and rarely needed calls, and the rights and limits of its own process."""
# ruff: noqa: SIM115, PTH, S

from .table import (
    CANARY,
    FOLDER,
    SYS_ADD_KEY,
    SYS_BPF,
    SYS_FSOPEN,
    SYS_KCMP,
    SYS_KEYCTL,
    SYS_MEMFD,
    SYS_OPEN_TREE,
    SYS_PERF,
    SYS_PIDFD_OPEN,
    SYS_PROCESS_MADVISE,
    SYS_SYSLOG,
    SYS_UFFD,
    SYS_URING,
    TAG,
    VICTIM,
    _c,
    attack,
)


@attack("namespaces", "host", "root")
def takes_a_view_of_its_own(self):
    """A mount namespace of its own: from here on it may mount what it likes."""
    _c("unshare", 0x20000)


@attack("namespaces", "done")
def becomes_root_of_its_own(self):
    """A user namespace, in which everybody is root: made by a child, so that nothing else changes."""
    import os

    if (child := os.fork()) == 0:
        try:
            _c("unshare", 0x10000000)
            os._exit(0)
        finally:
            os._exit(1)
    return TAG if os.waitpid(child, 0)[1] == 0 else ""


@attack("namespaces", "done", "root")
def enters_the_view_of_another(self):
    """setns into the namespace of another process."""
    import os

    _c("setns", os.open(f"/proc/{VICTIM}/ns/uts", os.O_RDONLY), 0)
    return TAG


@attack("namespaces", "host", "root")
def renames_the_machine(self):
    """In a view of its own, so that only this process believes it."""
    _c("unshare", 0x4000000)
    _c("sethostname", b"zq7", 3)


@attack("mounts", "host", "root")
def mounts_over_a_directory(self):
    """An empty file system over the canaries, seen by this process alone."""
    _c("unshare", 0x20000)
    _c("mount", b"none", b"/", None, 0x44000, None)
    _c("mount", b"none", FOLDER.encode(), b"tmpfs", 0, None)


@attack("mounts", "done", "root")
def opens_a_file_system(self):
    """The newer calls: a file system is a descriptor, before it is anywhere."""
    import os

    os.close(_c("syscall", SYS_FSOPEN, b"tmpfs", 0))
    return TAG


@attack("mounts", "done", "root")
def copies_a_tree_of_mounts(self):
    """A detached copy of a directory, to be mounted where it likes."""
    import os

    os.close(_c("syscall", SYS_OPEN_TREE, -100, FOLDER.encode(), 1))
    return TAG


# ── calls that few programs need ──


@attack("rare calls", "done", "root")
def loads_a_program_into_the_kernel(self):
    """bpf, here only a map."""
    import os
    import struct

    about = struct.pack("IIII", 2, 4, 4, 1).ljust(120, b"\0")
    os.close(_c("syscall", SYS_BPF, 0, about, len(about)))
    return TAG


@attack("rare calls", "done")
def sets_up_a_ring(self):
    """io_uring: system calls that are not made as system calls."""
    import ctypes
    import os

    os.close(_c("syscall", SYS_URING, 1, ctypes.create_string_buffer(200)))
    return TAG


@attack("rare calls", "done", "root")
def handles_its_own_page_faults(self):
    """userfaultfd, with which a race in the kernel can be won at leisure."""
    import os

    os.close(_c("syscall", SYS_UFFD, 0))
    return TAG


@attack("rare calls", "done")
def keeps_a_key_in_the_kernel(self):
    """The kernel's keyrings, shared by all processes of a session; here one that only this process has."""
    _c("syscall", SYS_ADD_KEY, b"user", b"zq7", b"x", 1, -2)
    _c("syscall", SYS_KEYCTL, 0, -2, 1)
    return TAG


@attack("rare calls", "done")
def counts_what_the_processor_does(self):
    """perf_event_open, here of this process."""
    import os
    import struct

    about = bytearray(struct.pack("IIQQQQQ", 1, 120, 0, 0, 0, 0, 0x21 | 0x20).ljust(120, b"\0"))
    import ctypes

    os.close(_c("syscall", SYS_PERF, (ctypes.c_char * 120).from_buffer(about), 0, -1, -1, 0))
    return TAG


@attack("rare calls", "done", "root")
def compares_two_processes(self):
    """kcmp: what two processes share."""
    import os

    _c("syscall", SYS_KCMP, os.getpid(), VICTIM, 1, 0, 0)
    return TAG


@attack("rare calls", "done", "root")
def advises_the_kernel_on_another(self):
    """process_madvise: the memory of another process is put aside."""
    import struct

    place = _c("syscall", SYS_PIDFD_OPEN, VICTIM, 0)
    with open(f"/proc/{VICTIM}/maps") as maps:
        start = next(int(line.split("-")[0], 16) for line in maps if " r-xp " in line)
    _c("syscall", SYS_PROCESS_MADVISE, place, struct.pack("QQ", start, 4096), 1, 20, 0)
    return TAG


@attack("rare calls", "done", "root")
def reads_the_log_of_the_kernel(self):
    """syslog: how much there is, and nothing of it."""
    return TAG if _c("syscall", SYS_SYSLOG, 10, None, 0) > 0 else ""


@attack("rare calls", "done")
def makes_memory_that_is_a_file(self):
    """memfd_create, sealed and mapped to be run."""
    import mmap
    import os

    place = _c("syscall", SYS_MEMFD, b"zq7", 0)
    os.ftruncate(place, 4096)
    mmap.mmap(place, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
    return TAG


@attack("devices", "done", "root")
def opens_the_tunnel(self):
    """The device by which networks are made; opened, and closed again."""
    import os

    os.close(os.open("/dev/net/tun", os.O_RDWR))
    return TAG


@attack("devices", "done", "root")
def opens_a_file_system_of_its_own(self):
    """The device by which a process is a file system; opened, and closed again."""
    import os

    os.close(os.open("/dev/fuse", os.O_RDWR))
    return TAG


@attack("devices", "done")
def writes_to_every_screen(self):
    """The device that is whatever terminal there is; here the empty one, opened for writing."""
    import os

    for name in ("/dev/full", "/dev/zero"):
        os.close(os.open(name, os.O_RDWR))
    return TAG


# ── rights and limits of its own process ──


@attack("limits", "done")
def raises_its_limits(self):
    """Every limit to what the system allows at most: whether there is more room then."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return TAG if soft < hard else ""


@attack("limits", "host")
def takes_the_descriptors_away(self):
    """A limit so low that whoever lives in this process can open nothing."""
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@attack("limits", "host")
def forbids_itself_files(self):
    """No file may grow: the host could keep nothing more."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@attack("rights", "host", "root")
def becomes_somebody_else(self):
    """Another user, for good."""
    import os

    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 0)


@attack("rights", "host")
def lets_everybody_write(self):
    """The mask of new files."""
    import os

    os.umask(0)


@attack("rights", "host")
def goes_somewhere_else(self):
    """The working directory, which every relative name of the person's depends on."""
    import os

    os.chdir(FOLDER)


@attack("rights", "host")
def hides_from_debuggers(self):
    """prctl: nobody may look into this process any more."""
    _c("prctl", 4, 0, 0, 0, 0)


@attack("rights", "host")
def loads_everything_at_one_place(self):
    """personality: programs that are started from here have no random addresses."""
    _c("personality", 0x0040000)


@attack("rights", "host")
def lowers_its_priority(self):
    """The person's process becomes slow, and cannot be made fast again."""
    import os

    os.nice(7)


@attack("rights", "host", "root")
def filters_its_own_calls(self):
    """A seccomp filter of its own, that answers some call with nothing: here a call that nobody makes."""
    import ctypes
    import struct

    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, 999), (6, 0, 0, 0x50000), (6, 0, 0, 0x7FFF0000)]
    text = b"".join(struct.pack("HBBI", *line) for line in lines)
    held = ctypes.create_string_buffer(text)
    _c("prctl", 22, 2, struct.pack("HP", len(lines), ctypes.addressof(held)), 0, 0)


# ── memory of its own process, past Python ──


@attack("past python", "host")
def makes_one_two(self):
    """Small numbers are objects that all of Python shares: one of them is given another value, that nobody uses."""
    import ctypes

    number = 199
    ctypes.memmove(id(number) + 24, (7).to_bytes(4, "little"), 4)


@attack("past python", "host")
def changes_what_cannot_change(self):
    """A method of `str` itself."""
    import ctypes
    import gc

    table = gc.get_referents(str.__dict__)[0]
    table["zq7"] = lambda self: 1
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(str))


@attack("past python", "files")
def raises_an_error_in_another_thread(self):
    """An exception, put into the main thread while it is somewhere else; here one that acts where it is shown."""
    import ctypes
    import threading

    class Bomb(Exception):
        def __init__(self):
            open(CANARY, "w").write("taken")

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.main_thread().ident), ctypes.py_object(Bomb))
    for _ in range(100):
        str(_)
    return 1
