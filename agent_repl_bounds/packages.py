"""A module that is not installed: the line that would install it, which nobody here runs."""

import sys
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
