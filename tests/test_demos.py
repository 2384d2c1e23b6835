"""Each demo's whole way by the replies of its notebook, offline; what it says of wrong ones; and its data."""

import csv
import io
import mailbox
import re
import sqlite3
from collections import Counter
from contextlib import closing
from email.utils import parseaddr

import pytest
from demo_replies import NOTEBOOKS, replies
from kit import fenced

from agent_repl import Outcome, ScriptedProvider, cli
from agent_repl_demos import assistant, calculator, data
from agent_repl_demos.command import main
from agent_repl_demos.stage import DEMOS, Reviewer

WAYS = {"file": (8, 6), "database": (6, 3), "calculator": (17, 6), "assistant": (13, 7)}  # answers, model calls


class Script(ScriptedProvider):
    """The replies for each method in turn, the last one for ever; `changed` ones take the place of theirs."""

    def __init__(self, demo, **changed):
        self.left = replies(demo) | {name: [fenced(code)] for name, code in changed.items()}
        super().__init__(self.reply)

    def reply(self, prompt):
        wanted = re.search(r"Write the method `(\w+)`", prompt.user)
        left = self.left[wanted[1] if wanted else ""]
        return left.pop(0) if left[1:] else left[0]


def run(demo, tmp_path, capsys, *options, **changed):
    provider = Script(demo, **changed)
    code = main([demo, "--home", str(tmp_path / "home"), *options], provider=provider)
    return code, capsys.readouterr().out, len(provider.prompts)


# ── the whole way ──


@pytest.mark.parametrize("demo", WAYS)
def test_a_demo_goes_its_whole_way_and_says_that_it_is_scripted(demo, tmp_path, capsys):
    answers, calls = WAYS[demo]
    code, out, asked = run(demo, tmp_path, capsys)
    assert (code, asked) == (0, calls)
    assert f"── {answers} of {answers} answers are right · model calls: {calls} · " in out
    assert "agent_repl · scripted scripted on this machine · review: auto" in out
    assert f"model calls: {calls}. Run the demo again: there will be none." in out


@pytest.mark.parametrize("demo", WAYS)
def test_a_second_run_asks_no_model(demo, tmp_path, capsys):
    run(demo, tmp_path, capsys)
    code, out, asked = run(demo, tmp_path, capsys)
    assert (code, asked) == (0, 0)
    assert f"── {WAYS[demo][0]} of {WAYS[demo][0]} answers are right · 0 model calls" in out
    assert "CHANGED" not in out
    assert "NEW v" not in out


@pytest.mark.parametrize("demo", WAYS)
def test_other_data_have_other_answers_which_are_right_too(demo, tmp_path, capsys):
    code, out, _ = run(demo, tmp_path, capsys, "--seed", "7")
    assert code == 0, out


def test_what_the_database_answers_is_an_agent_and_its_files_are_there(tmp_path, capsys):
    _, out, _ = run("database", tmp_path, capsys)
    assert "db.find_inactive_users(days=90).export_to_csv(path='inactive_90.csv')" in out
    assert "accepted: this call is there to write, and writes only that" in out
    assert (tmp_path / "home" / "inactive_30.csv").read_text().startswith("id,name,email,plan,last_login\n")


def test_a_second_calculator_of_the_same_words_knows_and_has_a_total_of_its_own(tmp_path, capsys):
    _, out, _ = run("calculator", tmp_path, capsys)
    known = out.partition("a second agent")[2]
    assert known.count("0 model calls · right") == 4
    assert "totals: 49 and 1039" in known


def test_the_assistant_is_slow_once_then_crystallizes_leaves_and_grows(tmp_path, capfd):
    _, out, _ = run("assistant", tmp_path, capfd)
    tiers = re.findall(r"assistant\.summarize_emails\(\) · (\w+) ·", out)
    assert tiers == ["CACHED", "CACHED", "CRYSTALLIZED"]
    assert "── emit: assistant.py, which needs nothing of ours: python -I\n" in out
    assert "   Assistant(...).summarize_emails(): 4 senders\n" in out
    assert "written ahead: 2" in out
    assert "They wait as drafts" in out


# ── what is wrong is called wrong ──

WRONG = {
    "file": {"line_count": "def line_count(self):\n    return len(_rows('people.csv'))"},  # without the header
    "database": {
        "users_per_plan": "def users_per_plan(self):\n    return dict(self.execute('SELECT plan, id FROM users'))"
    },
    "calculator": {"sqrt": "def sqrt(self, number):\n    return number / 2"},
    "assistant": {"summarize_emails": "def summarize_emails(self):\n    return {}"},
}


@pytest.mark.parametrize("demo", WAYS)
def test_a_wrong_method_is_called_wrong_and_the_rest_goes_on(demo, tmp_path, capsys):
    (name,) = WRONG[demo]
    code, out, _ = run(demo, tmp_path, capsys, **WRONG[demo])
    steps = len(re.findall(rf"(?m)^(?:──|  ) [\w.]+\.{name}\(", out))
    answers = WAYS[demo][0]
    assert code == 1
    assert "WRONG, says an independent computation" in out
    assert f"── {answers - steps} of {answers} answers are right" in out
    assert f"WRONG: {name}\n" in out
    assert "Run the demo again" not in out


@pytest.mark.parametrize(
    ("demo", "name", "code"),
    [
        ("file", "rows_where", "return [row for row in _rows('people.csv') if eval(condition, {}, row)]"),
        ("database", "find_inactive_users", "import os\n    return list(os.environ)[:days]"),
        ("calculator", "solve", "return eval(equation.split('=')[1])"),
    ],
)
def test_flagged_code_does_not_run_and_counts_as_not_solved(demo, name, code, tmp_path, capsys):
    given = {"rows_where": ", condition", "find_inactive_users": ", days", "solve": ", equation"}[name]
    status, out, _ = run(demo, tmp_path, capsys, **{name: f"def {name}(self{given}):\n    {code}"})
    assert status == 1
    assert "not solved: ReviewRequired" in out
    assert f"not solved: {name}" in out.splitlines()[-1] + out.splitlines()[-2]
    right, of = map(int, re.search(r"── (\d+) of (\d+) answers are right", out).groups())
    assert of == WAYS[demo][0]
    assert 0 < right < of


@pytest.mark.parametrize("line", ["target = path + 'x'", "path = path + '.elsewhere'", "import os; os.remove(path)"])
def test_a_call_that_is_there_to_write_does_nothing_else(line, tmp_path, capsys):
    target = "target" if "target" in line else "path"
    code = (
        f"def export_to_csv(self, path):\n    {line}\n    with open({target}, 'w') as file:\n        file.write(path)"
    )
    _, out, _ = run("database", tmp_path, capsys, export_to_csv=code)
    assert "not solved: ReviewRequired" in out
    assert "── 4 of 6 answers are right" in out
    assert "WRONG: " not in out


def test_nobody_answers_for_a_call_that_is_not_there_to_write():
    reviewer = Reviewer()
    assert not reviewer.can_ask
    assert not reviewer.confirm("Go on?")


# ── the oracles ──


def judged(steps, *values):
    return [step.judge(Outcome("ok", value)) for step, value in zip(steps, values, strict=True)]


def test_numbers_are_right_to_a_millionth_and_no_further():
    _, _, root, *_ = calculator.steps()[0]
    exact = root.kwargs["number"] ** 0.5
    assert judged([root] * 5, exact, exact * 1.0001, -exact, "x", None) == ["right", "WRONG", "WRONG", "WRONG", "WRONG"]


def test_a_reply_needs_its_greeting_its_name_and_its_subject():
    _, emails = data.make_mail(2)
    step, last = assistant.draft(emails, emails[0].address, "friendly"), emails[0]
    good = f"Hi {last.name.split()[0]},\n\nthank you for your email about {last.subject}."
    others = [good.replace("Hi", "Dear"), good.replace(last.subject, "it"), good.replace(",", " there,", 1)]
    assert judged([step] * 4, good, *others) == ["right", "WRONG", "WRONG", "WRONG"]


def test_a_calendar_that_lost_an_event_or_its_end_is_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, events = data.make_calendar(2)
    step = assistant.meeting(events, "Tea", 1, "10:15", 30)
    tea = "BEGIN:VEVENT\nSUMMARY:Tea\nDTSTART:20261103T101500\nDTEND:20261103T104500\nEND:VEVENT\n"
    good = text.replace("END:VCALENDAR", f"{tea}END:VCALENDAR")
    for calendar, verdict in {
        good: "right",
        text: "WRONG",
        good.replace("T104500", "T104600"): "WRONG",
        text + tea: "WRONG",
        good.replace(f"SUMMARY:{events[0].title}", "SUMMARY:x", 1): "WRONG",
        good.replace("END:VEVENT\n", "", 1): "WRONG",
    }.items():
        (tmp_path / assistant.CALENDAR).write_text(calendar)
        assert judged([step], None) == [verdict], calendar


# ── the data ──


@pytest.mark.parametrize("seed", range(20))
def test_the_truth_is_what_other_readers_find(seed, tmp_path):
    text, people = data.make_people(seed)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [tuple(row.values()) for row in rows] == [tuple(str(c) if c is not None else "" for c in p) for p in people]
    users = data.make_users(tmp_path / "u.sqlite", seed)
    with closing(sqlite3.connect(tmp_path / "u.sqlite")) as base:
        found = base.execute("SELECT count(*) FROM users WHERE julianday('2026-11-02') - julianday(last_login) = 90")
        assert found.fetchone()[0] >= 1
        assert Counter(dict(base.execute("SELECT email, plan FROM users")).values()) == Counter(u.plan for u in users)
    mail, emails = data.make_mail(seed)
    (tmp_path / "m.mbox").write_text(mail)
    with closing(mailbox.mbox(tmp_path / "m.mbox")) as box:
        read = [(*parseaddr(each["From"]), each["Subject"]) for each in box]
    assert read == [email[:3] for email in emails]
    assert len({email.address for email in emails}) == 4
    calendar, events = data.make_calendar(seed)
    assert assistant._events(calendar) == events


def test_the_same_seed_gives_the_same_data(tmp_path):
    assert data.make_mail(7) == data.make_mail(7) != data.make_mail(8)
    assert data.make_users(tmp_path / "a", 7) == data.make_users(tmp_path / "b", 7)


# ── the command ──


def test_an_unknown_demo_is_an_error_with_the_list(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["demo", "nosuch"])
    assert end.value.code == 2
    assert "there is no demo 'nosuch', only: csv, file, database, calculator, assistant" in capsys.readouterr().err


def test_the_help_lists_the_demos(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["demo", "--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    assert all(f"  {name} " in out for name in DEMOS)


def test_a_name_may_stand_behind_the_options_and_none_is_the_csv_demo(monkeypatch):
    played = []
    for name, (module, _) in DEMOS.items():
        monkeypatch.setattr(f"agent_repl_demos.{module}.main", lambda *_, name=name: played.append(name) or 0)
    main(["--provider", "local", "calculator"])
    main(["--seed", "3"])
    main(["csv"])
    assert played == ["calculator", "csv", "csv"]


def test_each_demo_but_csv_has_its_notebook():
    assert [*NOTEBOOKS] == [name for name in DEMOS if name != "csv"] == [*WAYS]
