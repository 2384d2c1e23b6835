"""python3 run.py COMMAND: make .venv, install what is missing, run.

    demo      an analyst that is written while you watch, by the embedded model (fetched once, 1.1 GB); demo NAME
              for the others: csv, file, database, calculator, assistant
    test      ruff, mypy, and every test that needs neither the model nor much time
    test-all  the same, the slow tests, those of the model, the oldest IPython, and the other Pythons on the PATH
    lint      ruff and mypy
    bench     the benchmarks
    eval      how often the written code is right, beside the same model asked plainly (hours; --help says more)

What follows the command goes on to its tool: run.py demo --help, run.py test -k store, run.py lint --fix.
"""

# The life of a .venv: no stamp → "unfinished" → made → installed → a stamp (hash of pyproject.toml, extras).
# One that was left unfinished is made anew; one with another hash or too few extras is brought up to date.
# Nothing here is newer than Python 3.6: an old interpreter can read it, and say what it lacks.

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
THIS_PYTHON = getattr(sys, "_base_executable", None) or sys.executable  # the one below an activated environment
NEW_ENOUGH = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
MODEL_IS_HERE = "from agent_repl_local import installed; raise SystemExit(not installed())"
QUICK = "not model and not slow"
UNFINISHED = "unfinished"
NOTHING_SELECTED = 5  # what pytest ends with then


def main(arguments: list) -> int:
    """Run one command and give back its exit status: 2 when there is no such command, or not yet."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name in ("-h", "--help"):
        print(__doc__)
        return 0
    if name not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    return COMMANDS[name](rest) if sys.version_info >= OLDEST else elsewhere(arguments)


def elsewhere(arguments: list) -> int:
    """Start again under the newest Python on the PATH."""
    pythons = pythons_on_path()
    if not pythons:
        here = "{}.{}".format(*sys.version_info)
        raise SystemExit(
            f"Python 3.11 or newer is needed and this is {here}: install one, for instance from python.org."
        )
    return subprocess.call([pythons[max(pythons)], str(ROOT / "run.py"), *arguments])


def demo(arguments: list) -> int:
    home = Environment(".venv")
    home.ensure("local")
    return home.become("-m", "agent_repl", "demo", "--provider", "local", *arguments)  # the person's own comes later


def test(arguments: list) -> int:
    home = Environment(".venv")
    home.ensure("dev")
    markers = QUICK
    if os.environ.get("CI") and home.call("-c", MODEL_IS_HERE, stderr=subprocess.DEVNULL) == 0:
        home.ensure("dev", "local")
        markers = f"({QUICK}) or quick_model"
    return check(home) or home.pytest("-m", markers, *arguments)


def test_all(arguments: list) -> int:
    home = Environment(".venv")
    home.ensure("dask", "dev", "local")
    return check(home) or home.pytest(*arguments) or oldest_front_ends(arguments) or other_pythons(arguments)


def oldest_front_ends(arguments: list) -> int:
    """The tests of what people see, with the oldest versions of what it stands on; a selection may leave none."""
    home = Environment(".venv-oldest", pins=oldest_allowed())
    home.ensure("dev")
    status = home.pytest("-m", QUICK, *front_end_tests(), *arguments)
    return 0 if status == NOTHING_SELECTED else status


def oldest_allowed() -> list:
    """Requirements like `ipython==7.34`: the lower bounds in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    bounds = re.findall(r'"(ipython|ipykernel|prompt_toolkit|pygments|rich)>=([\d.]+)', text)
    return [f"{name}=={version}" for name, version in bounds]


def front_end_tests() -> list:
    """The test files that speak of a shell, a kernel, a terminal, or of what draws and asks there."""
    speaks = re.compile(r"IPython|kernel|pexpect|agent_repl_ui")
    files = sorted((ROOT / "tests").glob("test_*.py"))
    return [str(file) for file in files if speaks.search(file.read_text(encoding="utf-8"))]


def other_pythons(arguments: list) -> int:
    """The tests under each other Python; those of the model have run by now, and once is enough."""
    for version, python in sorted(pythons_on_path().items()):
        if version == sys.version_info[:2]:
            continue
        home = Environment(".venv-{}.{}".format(*version), python)
        home.ensure("dev")
        status = home.pytest("-m", "not model", *arguments)
        if status:
            return status
    return 0


def lint(arguments: list) -> int:
    home = Environment(".venv")
    home.ensure("dev")
    return check(home, *arguments)


def check(home: "Environment", *arguments: str) -> int:
    return (
        home.call("-m", "ruff", "check", *arguments)
        or home.call("-m", "ruff", "format", "--check")
        or home.call("-m", "mypy")
    )


def bench(arguments: list) -> int:
    script = ROOT / "benchmarks" / "bench.py"
    if not script.exists():
        print("There are no benchmarks yet.", file=sys.stderr)
        return 2
    home = Environment(".venv")
    home.ensure("dev", "local")
    return home.become(str(script), *arguments)


def evaluate(arguments: list) -> int:
    home = Environment(".venv")
    home.ensure("dev", "local")
    return home.become(str(ROOT / "benchmarks" / "eval" / "__main__.py"), *arguments)


COMMANDS = {"demo": demo, "test": test, "test-all": test_all, "lint": lint, "bench": bench, "eval": evaluate}


class Environment:
    """A virtual environment of this checkout, made by `python`; `pins` take the place of newer versions."""

    def __init__(self, name: str, python: str = THIS_PYTHON, pins: list = ()) -> None:
        self.pins = pins
        self.path = place(name)
        self.base = python
        self.python = str(self.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        self.stamp = self.path / "run.py.stamp"

    def ensure(self, *extras: str) -> None:
        """See to it that the package is installed with these extras; costs little when it is."""
        state, *had = self.stamp.read_text().split() if self.stamp.exists() else [""]
        if state == UNFINISHED or not succeeds(self.python, "-c", NEW_ENOUGH):
            self.make()
            had = []
        if state != fingerprint() or not set(extras) <= set(had):
            self.install(sorted({*extras, *had}))

    def make(self) -> None:
        say(f"making {self.path} ...")
        self.clear()
        self.path.mkdir(parents=True)
        self.stamp.write_text(UNFINISHED)
        if subprocess.call(maker(self.base, str(self.path)), stdin=subprocess.DEVNULL):
            raise SystemExit(f"{self.path} could not be made: the lines above say why.")

    def clear(self) -> None:
        try:
            if self.path.exists():
                shutil.rmtree(str(self.path))
        except OSError as error:
            raise SystemExit(f"remove {self.path}, which is broken, then run this again: {error}") from error

    def install(self, extras: list) -> None:
        """Install the package, editable; an interrupted one leaves its mark, a failed one may simply be tried again."""
        say("installing agent_repl[{}] (first time, about a minute) ...".format(",".join(extras)))
        self.stamp.write_text(UNFINISHED)
        package = "{}[{}]".format(ROOT, ",".join(extras))
        wanted = [["--editable", package], *([self.pins] if self.pins else [])]
        if any(self.call("-m", "pip", "install", "-qq", *each, stdin=subprocess.DEVNULL) for each in wanted):
            self.stamp.unlink()
            raise SystemExit("the installation failed: the lines above say why. Run this again when it is mended.")
        self.stamp.write_text(" ".join([fingerprint(), *extras]))

    def pytest(self, *arguments: str) -> int:
        return self.call("-m", "pytest", "-o", "cache_dir={}".format(self.path / "cache" / "pytest"), *arguments)

    def call(self, *arguments: str, **options: object) -> int:
        """Run this environment's Python at the root of the checkout and wait for its exit status."""
        sys.stdout.flush()
        return subprocess.call([self.python, *arguments], cwd=str(ROOT), env=self.variables(), **options)

    def become(self, *arguments: str) -> int:
        """Run this environment's Python where the person stands, in place of this process: Ctrl-C is its own."""
        sys.stdout.flush()
        if os.name != "nt":
            os.execve(self.python, [self.python, *arguments], self.variables())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.call([self.python, *arguments], env=self.variables())

    def variables(self) -> dict:
        """The variables without those that would reach into another Python; the tools' caches live in here."""
        ours = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        for tool in ("RUFF_CACHE_DIR", "MYPY_CACHE_DIR", "HYPOTHESIS_STORAGE_DIRECTORY"):
            ours[tool] = str(self.path / "cache" / tool.split("_")[0].lower())
        foreign = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
        return {**{name: value for name, value in os.environ.items() if name not in foreign}, **ours}


def place(name: str) -> Path:
    """In the checkout; where that belongs to somebody else, in the user's cache."""
    here = ROOT / name
    if os.access(str(here if here.exists() else ROOT), os.W_OK):
        return here
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "ipython-agent-repl" / (name[1:] + "-" + hashlib.sha256(str(ROOT).encode()).hexdigest()[:8])


def fingerprint() -> str:
    """What the installation depends on: pyproject.toml, and where the checkout lies."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()


def maker(python: str, path: str) -> list:
    """The command that makes an environment: venv, or what stands in for it where Python came without ensurepip."""
    uv, virtualenv = shutil.which("uv"), shutil.which("virtualenv")
    if succeeds(python, "-c", "import ensurepip"):
        return [python, "-m", "venv", path]
    if uv:
        return [uv, "venv", "--quiet", "--seed", "--allow-existing", "--python", python, path]
    if virtualenv:
        return [virtualenv, "--quiet", "--python", python, path]
    if succeeds(python, "-c", "import virtualenv"):
        return [python, "-m", "virtualenv", "--quiet", path]
    raise SystemExit(
        f"{python} came without ensurepip: install its venv package (Debian, Ubuntu:"
        " apt install python3-venv), or uv, or virtualenv, then run this again."
    )


def pythons_on_path() -> dict:
    """Interpreters that are new enough, by version: the first of each on the PATH that really runs."""
    names = ["python3", *(f"python3.{minor}" for minor in range(OLDEST[1], 30))]
    found = {}
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        for name in names:
            python = shutil.which(name, path=directory)
            version = version_of(python) if python else ()
            if version >= OLDEST:
                found.setdefault(version, python)
    return found


def version_of(python: str) -> tuple:
    """(3, 12); or () for what does not run, such as a shim of a Python that is not installed."""
    question = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        answer = subprocess.check_output(question, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
        return tuple(int(part) for part in answer.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()


def succeeds(*command: str) -> bool:
    try:
        return (
            subprocess.call(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            == 0
        )
    except OSError:
        return False


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
