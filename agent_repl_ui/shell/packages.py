"""A package that is not installed: the line that would install it."""

import sys
from importlib.util import find_spec
from types import TracebackType
from typing import Any

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


def offer(error: Any, offered: set[str]) -> str:
    """One line for an import that failed in the person's code or in written code; "" else, and the second time."""
    if not isinstance(error, ModuleNotFoundError) or _is_library(error.__traceback__):
        return ""
    name = str(error.name or "").partition(".")[0]
    if not name.isidentifier() or name in offered or name in sys.stdlib_module_names or _is_there(name):
        return ""
    offered.add(name)
    return f"{name} is not installed: to install it, type %pip install {DISTRIBUTIONS.get(name, name)}"


def _is_library(trace: TracebackType | None) -> bool:
    """Whether the import stands in somebody's package: then it may well be one that it can do without."""
    from agent_repl.pipeline.failures import is_library

    codes = []
    while trace is not None:
        codes.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    own = [code for code in codes if not code.co_filename.startswith("<frozen ")]
    return not own or is_library(own[-1])


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
