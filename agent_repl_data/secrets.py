"""Texts without the secrets that can be known for what they are.

What is covered: the values of environment variables whose names say so, as they are and as `repr` or JSON write them;
keys of the forms that hosts give out, tokens of three parts, private keys; passwords in URLs and connection strings.
What is not covered: a secret of no known form that stands in no such variable, and one that was cut or encoded before.
"""

from __future__ import annotations

import json
import os
import re

SECRET = "<secret>"
_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8
_KEYS = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
    r"(?:(?:[\w+/=\s\\:,.]|-(?!----)){0,9000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]{0,9000})"
    r"|(?<![\w-])(?:(?:sk|pk|rk)[-_][\w-]{16,500}|gh[pousr]_\w{20,255}|github_pat_\w{20,255}|glpat-[\w-]{20,255}"
    r"|hf_\w{20,255}|(?:AKIA|ASIA)[A-Z0-9]{12,124}|xox[a-z]-[\w-]{10,255}|AIza[\w-]{30,255}"
    r"|eyJ[\w-]{10,8000}(?:\.[\w-]{0,8000}){0,2})"
)
_ADDRESS = re.compile(r"(://[^\s:/@'\"]{0,256}:)[^\s/@'\"]{1,512}(?=@)")
_ASSIGNED = re.compile(
    r"(?i)((?<![a-z])(?:password|passwd|pwd)(?:=|[\"']?\s{0,4}[:=]\s{0,4}(?=[\"'])))([\"']?)([^\s;&'\"<>]{1,512})"
)
_CODE = re.compile(r"(?:none|true|false|str|password|passwd|pwd|self\.\w+|os\.\w.*)[\])},:.]*", re.IGNORECASE)


def hidden(text: str) -> str:
    """The text with `<secret>` in the place of every secret; its cost grows with the text's length, not faster."""
    for value in _from_environment():
        text = text.replace(value, SECRET)
    text = _ADDRESS.sub(rf"\1{SECRET}", _KEYS.sub(SECRET, text))
    return _ASSIGNED.sub(lambda found: found[0] if _is_code(found) else f"{found[1]}{found[2]}{SECRET}", text)


def _from_environment() -> list[str]:
    """The longest first: one may hold another."""
    values = [v for name, v in os.environ.items() if len(v) >= _SHORTEST and _NAMES.search(name)]
    written = {form for v in values for form in (v, repr(v)[1:-1], json.dumps(v)[1:-1])}
    return sorted(written, key=lambda value: (-len(value), value))


def _is_code(found: re.Match[str]) -> bool:
    """Whether a bare word after `password=` is an expression, not a password."""
    return not found[2] and bool(_CODE.fullmatch(found[3]))
