"""Which calls touch what: plain rows, looked up by the dotted name that a call resolves to."""

from __future__ import annotations

from typing import NamedTuple

OBJECT = -1


class Row(NamedTuple):
    """A kind of effect, and where its path is: a position among the arguments, or OBJECT, whose method it is.

    With None there is no path, and the whole call is shown. The kind "open" reads or writes, as the mode in the next
    position says; "exports" writes to the path, and touches nothing without one.
    """

    kind: str
    path: int | None = None


def row_for(origin: str) -> Row | None:
    """What a call of this dotted name touches; None when nothing is known of it."""
    if origin in CALLS:
        return CALLS[origin]
    if "(" in origin or not origin.startswith(_PREFIXES):  # the call that made an object has been told already
        return None
    return next(row for prefix, row in FAMILIES.items() if origin.startswith(prefix))


def method_row(origin: str) -> Row | None:
    """What a method touches by its name alone, where the object was handed in or comes from pathlib."""
    base, _, attr = origin.rpartition(".")
    if base == "<self>":
        return None
    if base.startswith("pathlib."):
        return OF_PATHS.get(attr)
    handed_in = base.startswith(("<given>", "<?>", "<self>."))
    return EXPORTS.get(attr) or (OF_OBJECTS.get(attr) if handed_in else None)


def _rows(*groups: tuple[str, int | None, str]) -> dict[str, Row]:
    return {name: Row(kind, path) for kind, path, names in groups for name in names.split()}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALLS = _rows(
    ("open", 0, "builtins.open io.open _io.open codecs.open io.FileIO os.fdopen gzip.open gzip.GzipFile bz2.open"),
    ("open", 0, "bz2.BZ2File lzma.open lzma.LZMAFile zipfile.ZipFile tarfile.open wave.open"),
    ("reads", 0, "os.listdir os.scandir os.walk os.readlink glob.glob glob.iglob linecache.getline linecache.getlines"),
    ("reads", 0, "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile xml.etree.ElementTree.parse"),
    ("reads", 0, "xml.etree.ElementTree.iterparse configparser.ConfigParser().read fileinput.input PIL.Image.open"),
    ("reads", 0, "openpyxl.load_workbook matplotlib.pyplot.imread runpy.run_path"),
    ("reads", None, "builtins.input sys.stdin getpass.getpass"),
    ("writes", 0, "os.mkdir os.makedirs os.truncate os.chmod os.chown os.utime os.mkfifo os.mknod os.open os.write"),
    ("writes", 0, "numpy.save numpy.savez numpy.savez_compressed numpy.savetxt numpy.memmap sqlite3.connect"),
    ("writes", 0, "shutil.make_archive logging.FileHandler matplotlib.pyplot.savefig"),
    ("writes", 1, "os.rename os.renames os.replace os.link os.symlink json.dump pickle.dump marshal.dump yaml.dump"),
    ("writes", 1, "shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move shutil.unpack_archive"),
    ("writes", None, "zipfile.ZipFile().extractall zipfile.ZipFile().extract tarfile.open().extractall"),
    ("writes", None, "tarfile.open().extract urllib.request.urlretrieve"),
    ("deletes", 0, "os.remove os.unlink os.rmdir os.removedirs shutil.rmtree"),
    ("process", None, "os.system os.popen os.fork os.forkpty os.kill os.killpg os._exit os.abort os.startfile os.nice"),
    ("process", None, "os.chdir os.chroot os.umask builtins.exit builtins.quit sys.exit atexit.register"),
    ("environment", None, "os.environ os.environb os.getenv os.getenvb os.putenv os.unsetenv"),
    ("dynamic", None, "builtins.eval builtins.exec builtins.compile builtins.__import__ builtins.__builtins__"),
    ("dynamic", None, "types.FunctionType types.CodeType sys._getframe pandas.eval"),
    ("patches", None, "sys.settrace sys.setprofile sys.setrecursionlimit locale.setlocale"),
    ("unsafe-load", None, "pickle.load pickle.loads pickle.Unpickler marshal.load marshal.loads shelve.open"),
    ("unsafe-load", None, "pandas.read_pickle joblib.load torch.load yaml.load yaml.unsafe_load"),
)

# Beginnings of names; the first that fits counts.
FAMILIES = _rows(
    ("quiet", None, "tempfile.gettempdir pandas.read_sql subprocess.list2cmdline multiprocessing.cpu_count"),
    ("network", None, "socket. socketserver. ssl. urllib.request. urllib3. http.client. http.server. requests."),
    ("network", None, "httpx. aiohttp. ftplib. smtplib. poplib. imaplib. telnetlib. xmlrpc. websocket. websockets."),
    ("network", None, "paramiko. boto3. anthropic. openai. asyncio.open_ asyncio.start_"),
    ("process", None, "subprocess. multiprocessing. concurrent.futures. signal. pty. webbrowser. os.exec os.spawn"),
    (
        "process",
        None,
        "os.posix_spawn os.set threading.Thread threading.Timer asyncio.create_subprocess_ resource.setrlimit",
    ),
    ("environment", None, "os.environ. os.environb."),
    ("dynamic", None, "importlib. runpy. code. codeop. gc.get_ inspect.currentframe inspect.stack"),
    ("unsafe-load", None, "ctypes. cffi. _ctypes. dill.load cloudpickle.load"),
    ("patches", None, "sys.path. sys.modules. sys.meta_path. sys.path_hooks."),
    ("writes", None, "tempfile. shelve. dbm."),
    ("reads", 0, "pandas.read_ polars.read_ polars.scan_ imageio.imread"),
    ("reads", None, "sys.stdin."),
)
_PREFIXES = tuple(FAMILIES)

OF_OBJECTS = _rows(
    ("reads", OBJECT, "read_text read_bytes iterdir rglob"),
    ("writes", OBJECT, "write_text write_bytes touch mkdir symlink_to hardlink_to"),
    ("deletes", OBJECT, "unlink rmdir"),
    ("open", OBJECT, "open"),
)
# Names that others have too: `str.replace`, `DataFrame.rename`.
OF_PATHS = OF_OBJECTS | _rows(
    ("reads", OBJECT, "glob walk readlink"), ("writes", OBJECT, "rename replace chmod lchmod")
)
EXPORTS = _rows(
    ("exports", 0, "to_csv to_excel to_json to_parquet to_feather to_hdf to_html to_latex to_xml to_stata to_orc"),
    ("exports", 0, "to_pickle to_sql tofile savefig write_csv write_parquet write_html write_image write_excel"),
)
PATH_KEYWORDS = _words("file path path_or_buf path_or_buffer filepath_or_buffer io buf fname fp name dst")

# Attributes that lead out of any object into the interpreter.
INNARDS = _words(
    "__globals__ __subclasses__ __builtins__ __code__ __closure__ f_globals f_locals f_back tb_frame gi_frame"
)
