"""The extension and `%agent`, in a shell of IPython's own."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import kit
import pytest
from kit import said
from traitlets.config.loader import DeferredConfigString

from agent_repl import Agent, ScriptedProvider
from agent_repl.records import Settings
from agent_repl_ui.magics import AgentMagics


def test_the_extension_imports_no_model_and_no_screen():
    heavy = ("anthropic", "xllamacpp", "rich", "prompt_toolkit", "IPython", "pygments")
    ask = f"import sys, agent_repl_ui.extension; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout == "[]\n"


def test_loading_says_who_writes_where_and_binds_agent(session, tmp_path, capsys):
    shell = kit.shell()
    seen = said(shell, capsys, "%load_ext agent_repl")
    assert seen == session.describe() + "\n"
    assert shell.user_ns["Agent"] is Agent


def test_a_name_that_is_taken_stays(session, capsys):
    shell = kit.shell()
    shell.user_ns["Agent"] = "mine"
    assert "agent_repl.Agent" in said(shell, capsys, "%load_ext agent_repl")
    shell.run_cell("%unload_ext agent_repl")
    assert shell.user_ns["Agent"] == "mine"


def kept(shell) -> dict[str, object]:
    """All that an extension could leave in a shell."""
    magics, completer = shell.magics_manager, shell.Completer
    history = {"_", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "In", "Out"}
    return {
        "magics": {kind: set(table) for kind, table in magics.magics.items()},
        "registry": {name for name in magics.registry if "Agent" in name},  # IPython's own come when first used
        "configurables": [found for found in shell.configurables if "agent_repl" in type(found).__module__],
        "events": {name: list(found) for name, found in shell.events.callbacks.items()},
        "matchers": list(getattr(completer, "custom_matchers", ())),
        "hooks": {name: set(table.strs) for name, table in shell.strdispatchers.items() if table.strs},
        "transformers": [*shell.input_transformers_cleanup, "·", *shell.input_transformers_post],
        "formatters": {kind: dict(f.type_printers) for kind, f in shell.display_formatter.formatters.items()},
        "by name": {kind: dict(f.deferred_printers) for kind, f in shell.display_formatter.formatters.items()},
        "names": {name for name in shell.user_ns if name not in history and not name.startswith(("_i", "__"))},
        "hidden": set(shell.user_ns_hidden),
    }


def test_unloading_and_reloading_leave_nothing(session, capsys):
    shell = kit.shell()
    before, settings, mode, reviewer = kept(shell), session.settings, session.mode, session.reviewer
    for cell in (
        "%load_ext agent_repl",
        "%reload_ext agent_repl",
        "%config AgentMagics.show = 'off'",
        "%agent review later",
    ):
        shell.run_cell(cell)
    assert kept(shell) != before
    shell.run_cell("%unload_ext agent_repl")
    after = kept(shell)
    assert {name: after[name] for name in before if before[name] != after[name]} == {}
    assert (session.settings, session.mode, session.reviewer) == (settings, mode, reviewer)
    assert "not found" in said(shell, capsys, "%agent")
    assert "AgentMagics" not in said(shell, capsys, "%config")
    shell.run_cell("%load_ext agent_repl")
    assert "agent" in shell.magics_manager.magics["cell"]


def test_an_agent_name_that_was_there_before_stays(session):
    shell = kit.shell()
    shell.user_ns["Agent"] = Agent
    for cell in ("%load_ext agent_repl", "%unload_ext agent_repl"):
        shell.run_cell(cell)
    assert shell.user_ns["Agent"] is Agent


def configured(**traits):
    """A shell with the extension, configured as by a file or the command line."""
    shell = kit.shell(**traits)
    shell.run_cell("%load_ext agent_repl")
    return shell


def test_settings_come_from_ipythons_configuration(session):
    configured(review="cached", show="line", max_cost=2, samples="none")
    assert session.mode == "cached"
    assert (session.settings.show, session.settings.max_cost, session.settings.samples) == ("line", 2.0, "none")
    assert session.shop.settings is session.settings


def test_the_command_line_sets_the_same(session):
    configured(show=DeferredConfigString("off"), max_calls=DeferredConfigString("3"))
    assert (session.settings.show, session.settings.max_calls) == ("off", 3)


def test_config_shows_and_sets_what_holds(ip, session, capsys):
    assert "AgentMagics" in said(ip, capsys, "%config")
    assert "AgentMagics.show" in said(ip, capsys, "%config AgentMagics")
    ip.run_cell("%config AgentMagics.show = 'line'")
    assert session.settings.show == "line"
    ip.run_cell("%agent review cached")
    assert said(ip, capsys, "%config AgentMagics.review").strip().endswith("'cached'")


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_shown_and_explained_on_the_screen_and_in_the_readme(session, capsys, field):
    seen = said(configured(), capsys, "%config AgentMagics").replace("\n    ", " ")
    entry = re.search(rf"AgentMagics\.{field.name}=<{type(field.default).__name__}> (.+\.) Current: (.+)\n", seen)
    assert entry, "give it words: Annotated[str, 'what it is']"
    assert "Default: " in entry[1] or not field.default
    wanted = "auto" if field.name == "review" else getattr(session.settings, field.name)
    assert entry[2] == repr(wanted)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Settings")[2].partition("**Templates**")[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    assert [row for row in firsts if f"`{field.name}`" in row], "the table in the README lacks it"


def test_what_a_setting_takes_is_told(session, capsys):
    seen = " ".join(said(configured(), capsys, "%config AgentMagics").split())
    assert "who looks at new code; none: by place. One of auto, ask, later, cached." in seen
    assert "Any of profiles, recipes, " in seen


def test_help_on_the_command_line_says_the_defaults():
    told = AgentMagics.class_get_help()
    assert "Default: 2048\n" in told
    assert "Undefined" not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_leaves", 7), ("max_tokens", 5000), ("max_seconds", 2.5), ("max_run_seconds", 1.0), ("max_run_memory", 64)],
)
def test_limits_of_leaves_and_workers_are_set_on_the_screen(session, capsys, name, value):
    shell = configured()
    assert said(shell, capsys, f"%config AgentMagics.{name} = {value}") == ""
    assert getattr(session.shop.settings, name) == value


def test_what_is_chosen_at_the_start_is_told_and_not_set(session, capsys):
    shell = configured()
    told = said(shell, capsys, "%config AgentMagics.executor = 'process'")
    assert "AgentMagics.executor stays 'inline'" in told
    assert "AGENT_REPL_EXECUTOR" in told
    assert session.settings.executor == session.shop.executor.name == "inline"
    session.set(executor="inline")  # which it is


def test_another_provider_writes_from_now_on(session, capsys, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    shell, scripted = configured(), session.provider
    assert "there is no provider 'nobody'" in said(shell, capsys, "%config AgentMagics.provider = 'nobody'")
    session.set(request_timeout=5.0)
    assert session.provider is scripted  # an object that was given stays
    assert said(shell, capsys, "%config AgentMagics.provider = 'anthropic'") == ""
    chosen = session.provider
    assert chosen.name == "anthropic"
    session.set(base_url="https://example.org")
    assert (session.provider is chosen, session.provider.host) == (False, "example.org")


@pytest.mark.parametrize(
    ("name", "value"), [("review", "loose"), ("show", "codes"), ("max_cost", "much"), ("repairs", [])]
)
def test_a_bad_value_is_one_line_and_changes_nothing(session, capsys, name, value):
    before = session.settings
    shell = configured(**{name: value})
    seen = capsys.readouterr()
    assert f"AgentMagics.{name} stays" in seen.out
    assert len(seen.out.splitlines()) == 2
    assert "agent" in shell.magics_manager.magics["line"]
    assert session.settings == before
    assert said(shell, capsys, f"%config AgentMagics.{name} = {value!r}").count("\n") == 1


def test_a_projects_file_tightens_what_is_set_too(session, tmp_path, capsys):
    (tmp_path / ".agent_repl").mkdir(exist_ok=True)
    (tmp_path / ".agent_repl" / "config.toml").write_text('review = "ask"\nmax_cost = 0.5\n')
    session.set(max_cost=3.0, review="auto")
    assert (session.settings.max_cost, session.mode) == (0.5, "ask")


def test_another_model_is_asked_from_now_on(session):
    del session.provider
    session.set(model="claude-one", provider="anthropic")
    assert session.provider.model == "claude-one"
    session.set(model="claude-two")
    assert session.provider.model == "claude-two"


def test_slashes_and_question_marks_write_nothing(ip, session, capsys):
    ip.run_cell('%agent create sales "analyst"')
    for cell in ("/pin sales.total", "sales.total?", "sales?", "sales.total", "/sales.total?"):
        said(ip, capsys, cell)
    assert session.provider.prompts == []
    assert "sales" in ip.user_ns


def test_hidden_characters_in_stored_words_are_shown(ip, capsys):
    ip.user_ns["x"] = Agent("analyst\x1b[2J")
    assert "analyst\\x1b[2J" in said(ip, capsys, "%agent")


def test_what_another_process_pinned_is_bound_at_the_start_of_a_cell(ip, session, tmp_path):
    ip.run_cell('%agent create sales "adder of {path}" path=sales.csv')
    ip.run_cell("sales.total()")
    other = kit.session(tmp_path).agent("adder of {path}", path="sales.csv")
    from agent_repl import pin

    pin(other.total)
    ip.run_cell("kind = type(sales.total).__name__")
    assert ip.user_ns["kind"] == "method"


def test_a_package_that_is_not_there_is_told_without_frames_of_ours(ip, session, capsys):
    source = "import nowhere_to_be_found\n\ndef draw(self):\n    return nowhere_to_be_found.draw()"
    session.provider = ScriptedProvider([f"```python\n{source}\n```"])
    told = said(ip, capsys, "Agent('painter').draw()")
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in told
    assert "import nowhere_to_be_found" in told
    assert "pipeline" not in told
    assert "executors" not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [("shape", "always"), ("without", "recipes,trial"), ("log", "calls.jsonl"), ("log_level", "stage")],
)
def test_what_the_writer_is_told_and_what_is_logged_can_be_configured(session, capsys, name, value):
    shell = kit.shell()
    shell.run_cell("%load_ext agent_repl")
    assert said(shell, capsys, f"%config AgentMagics.{name} = {value!r}") == ""
    assert getattr(session.settings, name) == value


@pytest.mark.parametrize("wrong", ["nan", "-1"])
def test_a_limit_of_money_that_would_limit_nothing_is_refused(session, capsys, wrong):
    shell = kit.shell()
    shell.run_cell("%load_ext agent_repl")
    assert "max_call_cost stays 0.0" in said(shell, capsys, f"%config AgentMagics.max_call_cost = '{wrong}'")
