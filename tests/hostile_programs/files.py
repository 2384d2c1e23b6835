"""Files: read, written, deleted and linked outside of what was granted; special ones, spying and locks."""
# ruff: noqa: SIM115, PTH

from .table import CANARY, FOLDER, HOME, NEW, SECRET, SITE, SYS_FANOTIFY, SYS_OPENAT2, TAG, _c, attack

# ── reading ──


@attack("read outside", "secret")
def opens_a_file(self):
    """Open what nobody named."""
    return open(SECRET).read()


@attack("read outside", "secret")
def walks_up_from_what_is_granted(self):
    """A path that begins in a granted place and leaves it by two dots."""
    import os

    return open(os.path.join(os.getcwd(), *[".."] * 40, SECRET.lstrip("/"))).read()


@attack("read outside", "secret")
def walks_up_from_an_open_directory(self):
    """A relative open below the descriptor of a directory that may be read."""
    import os
    import sys

    place = os.open(os.path.dirname(sys.executable), os.O_PATH)
    return os.read(os.open("../" * 40 + SECRET.lstrip("/"), os.O_RDONLY, dir_fd=place), 999)


@attack("read outside", "secret")
def reads_through_the_root_of_proc(self):
    """The root directory, seen through a link of the kernel's."""
    return open("/proc/self/root" + SECRET).read()


@attack("read outside", "secret")
def reopens_a_bare_descriptor(self):
    """A descriptor without rights, opened again through /proc."""
    import os

    place = os.open(SECRET, os.O_PATH)
    return open(f"/proc/self/fd/{place}").read()


@attack("read outside", "secret", "root")
def opens_by_handle(self):
    """A file's handle needs no path, and so no rule that goes by paths."""
    import ctypes
    import os
    import struct

    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
    _c("name_to_handle_at", -100, SECRET.encode(), handle, ctypes.byref(ctypes.c_int()), 0)
    mount = os.open(FOLDER, os.O_RDONLY)
    return os.read(_c("open_by_handle_at", mount, handle, os.O_RDONLY), 999)


@attack("read outside", "secret")
def maps_a_file(self):
    """A file as memory."""
    import mmap
    import os

    with mmap.mmap(os.open(SECRET, os.O_RDONLY), 0, prot=mmap.PROT_READ) as held:
        return held[:].decode()


@attack("read outside", "secret")
def lets_the_kernel_copy(self):
    """Data that goes from file to file without passing through the program."""
    import os
    import tempfile

    with tempfile.TemporaryFile() as mine:
        os.sendfile(mine.fileno(), os.open(SECRET, os.O_RDONLY), 0, 999)
        mine.seek(0)
        return mine.read()


@attack("read outside", "secret")
def lets_a_library_of_c_read(self):
    """SQLite opens files by itself."""
    import sqlite3

    base = sqlite3.connect(f"file:{SECRET}.db?mode=ro&immutable=1", uri=True)
    return base.execute("select word from hidden").fetchall()


@attack("read outside", "secret")
def lets_python_import_it(self):
    """A hidden file as a module: what it holds becomes names."""
    import importlib.machinery

    loader = importlib.machinery.SourceFileLoader("zq7hidden", SECRET + ".py")
    return loader.load_module().WORD


@attack("read outside", "secret")
def opens_by_the_newer_call(self):
    """openat2, which filters that know openat may have forgotten."""
    import os
    import struct

    how = struct.pack("QQQ", 0, 0, 0)
    return os.read(_c("syscall", SYS_OPENAT2, -100, SECRET.encode(), how, len(how)), 999)


@attack("read outside", "secret")
def lets_the_compiler_quote_it(self):
    """A traceback quotes the line of whatever file the code says it comes from."""
    exec(compile("\n" * 0 + "1/0", SECRET, "exec"), {})
    return self.path


@attack("names outside", "secret")
def lists_a_directory(self):
    """The names of files that nobody named."""
    import os

    return [os.listdir(FOLDER + "/names"), [name for _, names, _ in os.walk(FOLDER + "/names") for name in names]]


# ── links ──


@attack("links", "secret")
def reads_through_a_link_of_its_own(self):
    """A symbolic link in its own directory that leads out."""
    import os
    import tempfile

    name = tempfile.mktemp()
    os.symlink(SECRET, name)
    try:
        return open(name).read()
    finally:
        os.unlink(name)


@attack("links", "files")
def writes_through_a_link_of_its_own(self):
    """The same way out, to write."""
    import os
    import tempfile

    name = tempfile.mktemp()
    os.symlink(CANARY, name)
    try:
        open(name, "w").write("taken")
    finally:
        os.unlink(name)


@attack("links", "secret")
def makes_a_second_name(self):
    """A hard link into its own directory: the same file under a granted name."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as mine:
        os.link(SECRET, mine + "/mine")
        return open(mine + "/mine").read()


@attack("links", "files")
def plants_a_link(self):
    """A link where somebody else will look."""
    import os

    os.symlink(SECRET, NEW)


@attack("links", "secret")
def moves_a_directory_in(self):
    """A hidden directory renamed into its own, to be read there."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as mine:
        os.rename(FOLDER + "/names", mine + "/names")
        return os.listdir(mine + "/names")


@attack("links", "files")
def exchanges_two_files(self):
    """renameat2 with RENAME_EXCHANGE: two files change places."""
    _c("renameat2", -100, CANARY.encode(), -100, (FOLDER + "/inner/deep.txt").encode(), 2)


# ── writing ──


@attack("write outside", "files")
def writes_a_file(self):
    """A new file."""
    open(NEW, "w").write("here")


@attack("write outside", "files")
def writes_over_a_file(self):
    """An old file."""
    open(CANARY, "r+").write("TAKEN")


@attack("write outside", "files")
def truncates_by_path(self):
    """A file is emptied without being opened."""
    import os

    os.truncate(CANARY, 0)


@attack("write outside", "files")
def writes_what_it_may_only_read(self):
    """The one file that was granted, opened for writing."""
    open(self.path, "a").write("4\n")


@attack("write outside", "files")
def reopens_for_writing(self):
    """A descriptor for reading, opened again for writing through /proc."""
    import os

    place = os.open(self.path, os.O_RDONLY)
    open(f"/proc/self/fd/{place}", "a").write("5\n")


@attack("write outside", "files")
def writes_to_a_map(self):
    """Memory that is the file."""
    import mmap
    import os

    with mmap.mmap(os.open(CANARY, os.O_RDWR), 0) as held:
        held[:5] = b"TAKEN"


@attack("write outside", "files")
def gives_a_nameless_file_a_name(self):
    """A file without a name is no file in a directory, until it is linked there."""
    import os

    place = os.open(FOLDER, os.O_TMPFILE | os.O_WRONLY)
    os.write(place, b"here")
    _c("linkat", -100, f"/proc/self/fd/{place}".encode(), -100, NEW.encode(), 0x400)


@attack("write outside", "files")
def makes_a_directory(self):
    """A directory."""
    import os

    os.makedirs(NEW + "/a/b")


@attack("write outside", "files")
def renames_over(self):
    """Another file takes the canary's place."""
    import os

    os.replace(FOLDER + "/inner/deep.txt", CANARY)


@attack("write outside", "files")
def lets_a_library_of_c_write(self):
    """SQLite makes files by itself."""
    import sqlite3

    with sqlite3.connect(NEW) as base:
        base.execute("create table t(a)")


@attack("write outside", "files")
def writes_by_a_copy_in_the_kernel(self):
    """copy_file_range from the granted file over the canary."""
    import os

    os.copy_file_range(os.open(self.path, os.O_RDONLY), os.open(CANARY, os.O_WRONLY), 5)


# ── deleting ──


@attack("delete", "files")
def unlinks(self):
    """One file."""
    import os

    os.unlink(CANARY)


@attack("delete", "files")
def removes_a_tree(self):
    """A directory with all that is in it."""
    import shutil

    shutil.rmtree(FOLDER)


@attack("delete", "files")
def renames_away(self):
    """A file is still there, under a name that nobody knows."""
    import os

    os.rename(CANARY, CANARY + ".gone")


@attack("delete", "files", "root")
def punches_a_hole(self):
    """fallocate takes the content away and leaves the size."""
    import os

    _c("fallocate", os.open(CANARY, os.O_WRONLY), 3, 0, 4096)


# ── attributes ──


@attack("attributes", "files")
def changes_rights(self):
    """Everybody may write, and run it as its owner."""
    import os

    os.chmod(CANARY, 0o6777)


@attack("attributes", "files", "root")
def changes_the_owner(self):
    """The file belongs to somebody else."""
    import os

    os.chown(CANARY, 65534, 65534)


@attack("attributes", "files")
def sets_the_clock_of_a_file(self):
    """Times that make a cache believe that nothing changed."""
    import os

    os.utime(CANARY, (1, 1))


@attack("attributes", "files")
def hides_words_beside_a_file(self):
    """An extended attribute."""
    import os

    os.setxattr(CANARY, "user.zq7", b"here")


# ── special files ──


@attack("special files", "files")
def makes_a_pipe(self):
    """A named pipe, at which whoever opens it waits for ever."""
    import os

    os.mkfifo(NEW)


@attack("special files", "files", "root")
def makes_a_device(self):
    """A device node of its own: here only that of /dev/null."""
    import os
    import stat

    os.mknod(NEW, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


@attack("special files", "files")
def puts_a_pipe_where_the_answer_is_read(self):
    """What the host will open later is made a pipe now."""
    import os

    os.unlink(CANARY)
    os.mkfifo(CANARY)


@attack("special files", "done")
def opens_a_terminal_of_its_own(self):
    """The multiplexer of pseudo-terminals."""
    import os

    os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    return TAG


@attack("special files", "done", "root")
def reads_what_the_kernel_says(self):
    """The messages of the kernel, by its device."""
    import os

    os.read(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), 8192)
    return TAG


# ── spying and locking ──


@attack("spying", "done")
def watches_a_directory(self):
    """inotify tells what others do with files."""
    _c("inotify_add_watch", _c("inotify_init1", 0), FOLDER.encode(), 0xFFF)
    return TAG


@attack("spying", "done")
def watches_by_the_older_call(self):
    """F_NOTIFY: a signal whenever something in a directory changes."""
    import fcntl
    import os

    fcntl.fcntl(os.open(FOLDER, os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)
    return TAG


@attack("spying", "done", "root")
def watches_the_whole_disk(self):
    """fanotify tells of every file of a file system."""
    _c("syscall", SYS_FANOTIFY, 0, 0)
    return TAG


@attack("locks", "locked")
def locks_a_file(self):
    """flock on what others want to lock."""
    import fcntl

    self.kept = open(CANARY)
    fcntl.flock(self.kept, fcntl.LOCK_EX)


@attack("locks", "locked")
def takes_a_lease(self):
    """A lease: whoever opens the file has to wait for its holder."""
    import fcntl
    import os

    self.kept = os.open(CANARY, os.O_RDONLY)
    fcntl.fcntl(self.kept, fcntl.F_SETLEASE, fcntl.F_WRLCK)


# ── what stays for the next start ──


@attack("persistence", "files")
def adds_a_line_to_every_start(self):
    """A .pth file: Python runs its lines at every start."""
    open(SITE + "/zq7.pth", "w").write("import os\n")


@attack("persistence", "files")
def poisons_a_compiled_module(self):
    """A .pyc that is not what its .py says."""
    import os

    for name in os.listdir(SITE + "/__pycache__"):
        with open(f"{SITE}/__pycache__/{name}", "r+b") as file:
            file.seek(16)
            file.write(b"\xe3taken")


@attack("persistence", "files")
def lets_python_write_the_cache(self):
    """py_compile writes where the interpreter will look first."""
    import py_compile

    py_compile.compile(self.path, cfile=SITE + "/__pycache__/other.cpython-399.pyc", doraise=False)
    py_compile.compile(SITE + "/zq7mod.py", cfile=SITE + "/other.pyc")


@attack("persistence", "files")
def adds_a_hook_to_a_repository(self):
    """A hook of git's: it runs at the person's next commit."""
    import os

    os.makedirs(FOLDER + "/.git/hooks", exist_ok=True)
    with open(FOLDER + "/.git/hooks/pre-commit", "w") as file:
        file.write("#!/bin/sh\n")
    os.chmod(FOLDER + "/.git/hooks/pre-commit", 0o755)


# ── the home, where what was accepted is kept ──


@attack("the home", "files")
def deletes_the_store(self):
    """All that was ever accepted."""
    import glob
    import os

    for name in glob.glob(HOME + "/*.sqlite3*"):
        os.unlink(name)


@attack("the home", "files")
def accepts_itself(self):
    """A verdict written straight into the database."""
    import sqlite3
    from contextlib import closing
    from glob import glob

    with closing(sqlite3.connect(glob(HOME + "/*.sqlite3")[0], timeout=1)) as base:
        names = [row[0] for row in base.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            base.execute(f'delete from "{name}"')
        base.commit()


@attack("the home", "files")
def poisons_a_kept_source(self):
    """The second copies, from which a store is rebuilt."""
    import pathlib

    for file in pathlib.Path(HOME).rglob("*.py"):
        file.write_text(file.read_text() + "\nimport os\n")


@attack("the home", "files")
def adds_a_module(self):
    """A class file that the next session would load."""
    import os

    os.makedirs(HOME + "/modules", exist_ok=True)
    open(HOME + "/modules/reader.py", "w").write("class Reader:\n    pass\n")


@attack("the home", "files")
def loosens_the_settings(self):
    """The project's settings: no more questions."""
    open(HOME + "/config.toml", "w").write('review = "auto"\n')


@attack("the home", "files")
def raises_the_generation(self):
    """The word in shared memory by which sessions tell each other that something was decided."""
    import pathlib

    for file in pathlib.Path(HOME).iterdir():
        if file.is_file() and file.stat().st_size <= 64:
            file.write_bytes(b"\xff" * 8)


@attack("the home", "locked")
def keeps_the_store_locked(self):
    """A transaction that never ends."""
    import sqlite3
    from glob import glob

    self.kept = sqlite3.connect(glob(HOME + "/*.sqlite3")[0], timeout=1, check_same_thread=False)
    self.kept.execute("begin exclusive")
