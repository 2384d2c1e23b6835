"""The packages that imports need: their versions here, or the line that would install one, which nobody here runs."""

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec

DISTRIBUTIONS = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "googleapiclient": "google-api-python-client",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""What must be installed for an import of another name."""


def install_line(module: str) -> str:
    """`pip install pyyaml` for the module yaml; "" where it is installed, belongs to Python, or is no name."""
    name = module.partition(".")[0]
    if not (name.isidentifier() and name.isascii()) or name in sys.stdlib_module_names or is_installed(name):
        return ""
    return f"pip install {DISTRIBUTIONS.get(name, name)}"


def is_installed(name: str) -> bool:
    """Whether Python would find a module of this name."""
    try:
        return bool(name) and find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def requirements(text: str) -> list[str]:
    """`pandas==2.2.3` for each installed package that the imports in this text need, wherever they stand."""
    from importlib.metadata import packages_distributions

    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    known = packages_distributions() if tops else {}
    return sorted({line for top in tops for line in _installed(DISTRIBUTIONS.get(top, ""), known.get(top, []))})


def _installed(usual: str, found: list[str]) -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    for name in [usual] if usual in found else found:
        try:
            yield f"{name}=={version(name)}"
        except PackageNotFoundError:
            yield name


def with_requirements(text: str, needed: list[str]) -> str:
    """A file of code that begins with a docstring, with its requirements in the comment that installers read."""
    lines, end = text.split("\n"), ast.parse(text).body[0].end_lineno or 0
    python = ".".join(map(str, sys.version_info[:2]))
    block = [
        "# /// script",
        f'# requires-python = ">={python}"',
        "# dependencies = [",
        *(f'#   "{n}",' for n in needed),
    ]
    return "\n".join([*lines[:end], "", *block, "# ]", "# ///", *lines[end:]]) if needed else text
