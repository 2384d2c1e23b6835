"""Processes: new ones by every way that there is, other ones that are signalled or changed, and threads left behind."""
# ruff: noqa: SIM115, PTH, S

from .table import (
    CANARY,
    MARK,
    NEW,
    SYS_CLONE,
    SYS_CLONE3,
    SYS_EXECVEAT,
    SYS_IOPRIO_SET,
    SYS_MEMFD,
    SYS_MIGRATE_PAGES,
    SYS_PIDFD_OPEN,
    SYS_PIDFD_SIGNAL,
    SYS_RT_SIGQUEUEINFO,
    SYS_TGKILL,
    TAG,
    VICTIM,
    _c,
    _mark,
    attack,
)

# ── new programs ──


@attack("programs", "files")
def asks_a_shell(self):
    """A line for the shell."""
    import os

    os.system(f"echo here > {NEW}")


@attack("programs", "files")
def runs_a_program(self):
    """A program, as every script runs one."""
    import subprocess

    subprocess.run(["/bin/touch", NEW], check=True)


@attack("programs", "files")
def spawns_a_program(self):
    """posix_spawn: fork and exec in one call of the C library."""
    import os

    os.waitpid(os.posix_spawn("/bin/touch", ["touch", NEW], {}), 0)


@attack("programs", "died")
def becomes_another_program(self):
    """exec: this process goes on as something else."""
    import os

    os.execv("/bin/true", ["true"])


@attack("programs", "files")
def runs_what_lies_in_memory(self):
    """A program that was never a file: copied into memory, and run by its descriptor."""
    import os
    import shutil

    place = _c("syscall", SYS_MEMFD, b"zq7", 0)
    with open(shutil.which("touch"), "rb") as file:
        os.write(place, file.read())
    if (child := os.fork()) == 0:
        try:
            os.execve(place, ["touch", NEW], {})
        finally:
            os._exit(1)
    os.waitpid(child, 0)


@attack("programs", "died")
def becomes_another_by_a_descriptor(self):
    """execveat with an empty path: no name that a filter could look at."""
    import ctypes
    import os

    words = (ctypes.c_char_p * 2)(b"true", None)
    _c("syscall", SYS_EXECVEAT, os.open("/bin/true", os.O_PATH), b"", words, None, 0x1000)


@attack("programs", "files")
def runs_behind_a_terminal(self):
    """A program that believes that a person sits before it."""
    import pty

    pty.spawn(["/bin/touch", NEW], lambda place: b"")


@attack("programs", "files")
def runs_by_the_loader(self):
    """The dynamic loader as the program, the program as its argument: the file itself need not be executable."""
    import glob
    import subprocess

    loader = next(iter(glob.glob("/lib64/ld-linux*") + glob.glob("/lib/ld-linux*")))
    subprocess.run([loader, "/bin/touch", NEW], check=True)


# ── copies of itself ──


@attack("forks", "processes")
def forks(self):
    """One copy, which lives a little."""
    import os
    import time

    if os.fork() == 0:
        _mark()
        time.sleep(2)
        os._exit(0)
    time.sleep(0.1)


@attack("forks", "processes")
def clones_past_the_library(self):
    """The bare system call."""
    import os
    import time

    if _c("syscall", SYS_CLONE, 17, 0, 0, 0, 0) == 0:
        _mark()
        time.sleep(2)
        os._exit(0)
    time.sleep(0.1)


@attack("forks", "processes")
def clones_by_the_newer_call(self):
    """clone3, whose flags lie in memory where a filter cannot see them."""
    import os
    import struct
    import time

    about = struct.pack("QQQQQQQQ", 0, 0, 0, 0, 17, 0, 0, 0)
    if _c("syscall", SYS_CLONE3, about, len(about)) == 0:
        _mark()
        time.sleep(2)
        os._exit(0)
    time.sleep(0.1)


@attack("forks", "processes")
def leaves_a_daemon(self):
    """Two forks and a session of its own: nobody's child."""
    import os
    import time

    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _mark()
            time.sleep(2)
        os._exit(0)
    time.sleep(0.1)


@attack("forks", "processes")
def forks_again_and_again(self):
    """A bomb of twelve, each of which lives two seconds."""
    import os
    import time

    for _ in range(12):
        if os.fork() == 0:
            _mark()
            time.sleep(2)
            os._exit(0)
    time.sleep(0.1)


@attack("forks", "processes")
def lets_the_library_fork(self):
    """A process of the standard library's."""
    import multiprocessing
    import time

    def work():
        _mark()
        time.sleep(2)

    multiprocessing.get_context("fork").Process(target=work, daemon=True).start()
    time.sleep(0.1)


# ── other processes ──


@attack("kill", "victim")
def kills(self):
    """The plain signal, to a canary."""
    import os

    os.kill(VICTIM, 9)


@attack("kill", "victim")
def kills_a_group(self):
    """A whole process group."""
    import os

    os.killpg(VICTIM, 9)


@attack("kill", "victim")
def stops_without_killing(self):
    """A process that is stopped answers nobody, and nobody sees why."""
    import os

    os.kill(VICTIM, 19)


@attack("kill", "victim")
def kills_by_a_descriptor(self):
    """pidfd_open and pidfd_send_signal."""
    import os

    place = _c("syscall", SYS_PIDFD_OPEN, VICTIM, 0)
    _c("syscall", SYS_PIDFD_SIGNAL, place, 10, None, 0)
    os.close(place)


@attack("kill", "victim")
def kills_a_thread(self):
    """tgkill, which goes past the process to one of its threads."""
    _c("syscall", SYS_TGKILL, VICTIM, VICTIM, 10)


@attack("kill", "victim")
def queues_a_signal_with_a_word(self):
    """rt_sigqueueinfo: a signal with a value in it."""
    import struct

    _c("syscall", SYS_RT_SIGQUEUEINFO, VICTIM, 10, struct.pack("iii4xiiQ", 10, 0, -1, 0, 0, 7).ljust(128, b"\0"))


@attack("kill", "victim")
def lets_a_pipe_signal(self):
    """The owner of a descriptor gets a signal when something can be read: here a stranger is made its owner."""
    import fcntl
    import os

    out, into = os.pipe()
    fcntl.fcntl(out, 10, 10)  # F_SETSIG: SIGUSR1
    fcntl.fcntl(out, fcntl.F_SETOWN, VICTIM)
    fcntl.fcntl(out, fcntl.F_SETFL, os.O_ASYNC)
    os.write(into, b"x")


@attack("other processes", "victim")
def makes_another_slower(self):
    """The priority of a process that is not its own."""
    import os

    os.setpriority(os.PRIO_PROCESS, VICTIM, 15)


@attack("other processes", "victim")
def binds_another_to_one_core(self):
    """The cores that another process may use."""
    import os

    os.sched_setaffinity(VICTIM, {max(os.sched_getaffinity(VICTIM))})


@attack("other processes", "victim")
def takes_descriptors_from_another(self):
    """prlimit: the limits of another process."""
    import resource

    resource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (4, 4))


@attack("other processes", "victim")
def makes_another_die_first(self):
    """Whom the kernel ends when memory runs out."""
    open(f"/proc/{VICTIM}/oom_score_adj", "w").write("900")


@attack("other processes", "done")
def slows_the_disk_of_another(self):
    """The priority of another process at the disk."""
    _c("syscall", SYS_IOPRIO_SET, 1, VICTIM, 3 << 13)
    return TAG


@attack("other processes", "done", "root")
def moves_the_memory_of_another(self):
    """The memory of another process, moved between nodes."""
    import struct

    _c("syscall", SYS_MIGRATE_PAGES, VICTIM, 64, struct.pack("Q", 1), struct.pack("Q", 1))
    return TAG


# ── threads ──


@attack("threads left behind", "files")
def acts_after_it_has_answered(self):
    """The answer is there; the thread goes on."""
    import threading
    import time

    def later():
        time.sleep(0.2)
        open(CANARY, "w").write("taken")

    threading.Thread(target=later, daemon=True, name=MARK).start()
    return 1


@attack("threads left behind", "host")
def leaves_threads_that_never_end(self):
    """Twenty threads that wait."""
    import threading

    for _ in range(20):
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True, name=MARK).start()
    return 1


@attack("threads left behind", "files")
def changes_its_answer_after_the_check(self):
    """A list that a thread still holds when it has been looked at."""
    import threading
    import time

    class Item(str):
        def __str__(self):
            open(CANARY, "w").write("taken")
            return "x"

    answer = ["fine"]

    def later():
        time.sleep(0.05)
        answer[0] = Item("fine")
        time.sleep(0.2)
        str(answer[0])

    threading.Thread(target=later, daemon=True).start()
    return answer


@attack("threads left behind", "host")
def starts_a_thread_without_python(self):
    """A thread of the C library's, of which Python knows nothing."""
    import ctypes

    libc = ctypes.CDLL(None)
    held = ctypes.create_string_buffer(64)
    libc.pthread_create(held, None, ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(3))
    return 1


@attack("threads left behind", "files")
def wakes_by_a_timer(self):
    """A timer of the standard library."""
    import threading

    timer = threading.Timer(0.2, lambda: open(CANARY, "w").write("taken"))
    timer.daemon = True
    timer.start()
    return 1
