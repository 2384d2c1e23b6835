"""A secret that can be known for one is in no prompt, wherever it stood."""

from __future__ import annotations

import pytest
from kit import session

from agent_repl.control import prompt
from agent_repl.records import Prompt
from agent_repl_data.secrets import hidden

LINES = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2] * 5])
PEM = f"{LINES}\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
KEYS = [
    "sk-ant-api03-abcdefghijklmnop",
    "sk-proj-" + "a1B2c3D4" * 6,
    "ghp_" + "a1B2c3D4e5" * 4,
    "github_pat_" + "a1B2c3D4e5" * 4,
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefghijkl",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    JWT,
    PEM,
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_by_its_form(key: str) -> None:
    for text in (f"before {key} after", f"x = {key!r}", f"'{key}'", f"key={key}\n"):
        assert key not in hidden(text)
        assert "<secret>" in hidden(text)
    assert hidden(f"before {key} after") == "before <secret> after"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgres://anna:hunter2@db/x", "postgres://anna:<secret>@db/x"),
        ("https://:tok.en@host/x", "https://:<secret>@host/x"),
        ("host=db password=hunter2 user=a", "host=db password=<secret> user=a"),
        ("Server=db;Pwd=hunter,2;", "Server=db;Pwd=<secret>;"),
        ('login(password="hunter2")', 'login(password="<secret>")'),
        ("{'password': 'hunter2'}", "{'password': '<secret>'}"),
    ],
)
def test_a_password_in_an_address_or_a_connection_string_is_hidden(text: str, said: str) -> None:
    assert hidden(text) == said
    assert hidden(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "def login(self, password=None, token: str = ''): connect(password=password, pwd=self.pwd)",
        'if text.startswith("-----BEGIN PRIVATE KEY-----") and "END" in text: return risk_of(task_list)',
        "https://example.org:8080/a@b and mailto:anna@example.org at 10:30:00, sk-learn, 'eyJ', AKIA",
        "password_count = 3; the password is asked for; passwords: list[str]",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert hidden(text).replace("<secret>", "-----BEGIN PRIVATE KEY-----") == text


def test_an_environment_value_is_hidden_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'tor"mar\\ik\nzwei'
    monkeypatch.setenv("MY_API_TOKEN", secret)
    monkeypatch.setenv("SHORT_KEY", "abc")
    monkeypatch.setenv("EDITOR_NAME", "zebrastripes")
    said = hidden(f"{secret} {secret!r} {[secret]} abc zebrastripes")
    assert "mar" not in said
    assert said.endswith("abc zebrastripes")


PIECES = ["-----BEGIN PRIVATE KEY-----", "eyJ", "://a:", "password=", "sk-", "A" * 40, "e.", "'"]


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_text_of_a_megabyte_is_read_to_its_end(piece: str) -> None:
    assert hidden(piece * (1_000_000 // len(piece)) + " password=hunter2;").endswith("<secret>;")


def test_no_way_of_making_a_prompt_passes_by() -> None:
    made = Prompt(f"the key is {KEYS[0]}", f"and {KEYS[2]}")
    assert (made.system, made.user) == ("the key is <secret>", "and <secret>")


SECRET = "zebra-Stripes-and-a-very-long-value-of-seventy-characters-0123456789"
BROKEN = f'''
def total(self, n):
    """Add."""
    note = "{SECRET}"
    raise_from = {{}}
    return raise_from[note]
'''


def test_a_secret_is_in_no_prompt_from_cell_state_words_traceback_or_head(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    table, text = tmp_path / "a.csv", tmp_path / "a.log"
    table.write_text(f"name,note\nAnna,{SECRET}\nBert,x {SECRET}\nC,{KEYS[0]}\n")
    text.write_text(f"{PEM}\nlogin of {SECRET}\n")
    home = session(tmp_path, *[BROKEN] * 3, "no", "no", generation_retries=2, repairs=2)
    agent = home.agent(
        "shop of {word} with ghp_" + "a1B2c3D4e5" * 4,
        word=SECRET,
        table=str(table),
        log=str(text),
        rows=[{SECRET: SECRET, "url": "postgres://anna:hunter2@db/x"}],
        pem=PEM,
    )
    home.call(agent, "total", SECRET)
    home.call(agent, "total", 3)
    home.provider.prompts.append(prompt(agent.total, 2.5))
    assert len(home.provider.prompts) > 4
    for sent in home.provider.prompts:
        said = sent.system + sent.user
        assert not [part for part in (SECRET[:20], "hunter2", KEYS[0], "a1B2c3D4", "MIIEv") if part in said]
        assert "<secret>" in said


def test_an_argument_whose_name_says_that_it_is_secret_is_told_by_kind(tmp_path) -> None:
    sent = prompt(session(tmp_path).agent("client").login, "anna", password="stripes", api_key="zebra")
    assert "login('anna', password=<str>, api_key=<str>)" in sent.user
    assert "stripes" not in sent.user
    assert "zebra" not in sent.user
