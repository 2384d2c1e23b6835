"""The composer: which home, which settings, which names, which model; and the process's own session."""

import dataclasses
import os
import sys
from importlib.metadata import EntryPoint

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import Person, session

import agent_repl.session as module
from agent_repl import Agent, NoProvider, PolicyError, ScriptedProvider, default_session, open_session
from agent_repl.providers.anthropic import AnthropicProvider
from agent_repl.records import Settings
from agent_repl.session import choose_provider, home, use
from agent_repl.session.home import find_home, is_name, slug
from agent_repl.session.settings import load_settings
from agent_repl.stores.memory import free_name

DOUBLE = 'def double(self, n):\n    """Twice n."""\n    return n * 2\n'
posix = pytest.mark.skipif(os.name != "posix", reason="Windows: it has no owners and modes of this kind")


# ── which home ──


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project" / "a" / "b"
    folder.mkdir(parents=True)
    return folder


def make(folder):
    (folder / ".agent_repl").mkdir(mode=0o700)
    return folder / ".agent_repl"


def test_the_nearest_home_upward_is_used(project):
    make(project.parents[1])
    near = make(project.parent)
    assert find_home(project, {}) == near


def test_where_there_is_none_it_will_be_right_here_and_looking_makes_nothing(project):
    assert find_home(project, {}) == project / ".agent_repl"
    assert not (project / ".agent_repl").exists()


def test_the_search_stops_at_a_repositorys_root(project):
    make(project.parents[1])
    (project.parent / ".git").mkdir()
    assert find_home(project, {}) == project / ".agent_repl"
    at_root = make(project.parent)
    assert find_home(project, {}) == at_root


def test_a_worktrees_git_file_is_a_root_too(project):
    make(project.parents[1])
    (project.parent / ".git").write_text("gitdir: elsewhere")
    assert find_home(project, {}) == project / ".agent_repl"


def test_the_users_home_directory_is_no_home_for_all_below(project, monkeypatch):
    make(project.parents[1])
    monkeypatch.setenv("HOME", str(project.parents[1]))
    monkeypatch.setenv("USERPROFILE", str(project.parents[1]))
    assert find_home(project, {}) == project / ".agent_repl"


def test_the_search_stops_at_the_edge_of_a_file_system(project, monkeypatch):
    make(project.parents[1])
    real = type(project).stat

    class Other:
        st_dev = -1

    monkeypatch.setattr(
        type(project), "stat", lambda self, **k: Other if self == project.parents[1] else real(self, **k)
    )
    assert find_home(project, {}) == project / ".agent_repl"


@posix
@pytest.mark.parametrize("mode", [0o777, 0o702, 0o1777])
def test_a_home_that_others_may_write_is_not_used(project, mode):
    make(project.parent).chmod(mode)
    assert find_home(project, {}) == project / ".agent_repl"


@posix
def test_a_home_of_another_owner_is_not_used(project, monkeypatch):
    make(project.parent)
    monkeypatch.setattr(home.os, "getuid", lambda: 12345)
    assert find_home(project, {}) == project / ".agent_repl"


def test_a_file_or_a_link_of_that_name_is_no_home(project):
    (project.parent / ".agent_repl").write_text("x")
    assert find_home(project, {}) == project / ".agent_repl"


@posix
def test_a_link_to_a_home_is_not_followed(project, tmp_path):
    (tmp_path / "other").mkdir()
    real = make(tmp_path / "other")
    (project.parent / ".agent_repl").symlink_to(real)
    assert find_home(project, {}) == project / ".agent_repl"


def test_the_environment_overrides(project, tmp_path):
    make(project)
    assert find_home(project, {"AGENT_REPL_HOME": str(tmp_path / "x")}) == tmp_path / "x"


def test_a_session_uses_the_home_of_its_working_directory(project, monkeypatch):
    near = make(project.parent)
    monkeypatch.delenv("AGENT_REPL_HOME")
    monkeypatch.chdir(project)
    opened = open_session(provider=ScriptedProvider([]))
    opened.store.claim("calculator", "calculator")
    assert (near / "store.sqlite3").exists()


# ── which settings ──


def loaded(tmp_path, user="", project="", environment=None, **given):
    (tmp_path / ".agent_repl").mkdir(exist_ok=True)
    (tmp_path / ".agent_repl" / "config.toml").write_text(project)
    (tmp_path / "user.toml").write_text(user)
    return load_settings(tmp_path / ".agent_repl", tmp_path / "user.toml", environment or {}, given)


def test_without_any_file_the_defaults_hold(tmp_path):
    assert load_settings(tmp_path / "no", tmp_path / "nowhere", {}, {}) == Settings()


def test_later_places_win_over_earlier_ones(tmp_path):
    user, environment = "max_depth = 3\nmodel = 'a'\nrepairs = 1", {"AGENT_REPL_MODEL": "b", "AGENT_REPL_REPAIRS": "0"}
    found = loaded(tmp_path, user, "", environment, repairs=2)
    assert (found.max_depth, found.model, found.repairs) == (3, "b", 2)


def test_settings_have_their_types(tmp_path):
    found = loaded(tmp_path, environment={"AGENT_REPL_MAX_COST": "0.5", "AGENT_REPL_MAX_CALLS": "7"})
    assert (found.max_cost, found.max_calls) == (0.5, 7)


def test_an_empty_variable_says_nothing(tmp_path):
    assert loaded(tmp_path, "review = 'later'", environment={"AGENT_REPL_REVIEW": ""}).review == "later"


def test_the_users_file_is_where_the_platform_says(tmp_path):
    file = platformdirs.user_config_path("agent_repl", appauthor=False) / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("max_depth = 2\n")
    assert open_session(tmp_path / ".agent_repl").settings.max_depth == 2


TIGHTER = [
    ("review = 'cached'", {"review": "auto"}, "review", "cached"),
    ("review = 'later'", {"review": "ask"}, "review", "later"),
    ("review = 'auto'", {"review": "ask"}, "review", "ask"),
    ("review = 'ask'", {"review": "cached"}, "review", "cached"),
    ("review = 'ask'", {}, "review", "ask"),
    ("review = 'auto'", {}, "review", ""),
    ("policy = 'strict'", {}, "policy", "strict"),
    ("policy = 'inform'", {"policy": "strict"}, "policy", "strict"),
    ("samples = 'none'", {"samples": "some"}, "samples", "none"),
    ("samples = 'some'", {"samples": "none"}, "samples", "none"),
    ("max_calls = 3", {}, "max_calls", 3),
    ("max_calls = 300", {"max_calls": 5}, "max_calls", 5),
    ("max_cost = 0.1", {"max_cost": 2}, "max_cost", 0.1),
    ("max_cost = 9", {"max_cost": 2}, "max_cost", 2),
    ("max_cost = 0.5", {"max_cost": 0}, "max_cost", 0.5),
    ("max_cost = 0", {"max_cost": 2}, "max_cost", 2),
    ("max_depth = 2", {}, "max_depth", 2),
    ("repairs = 0", {}, "repairs", 0),
    ("generation_retries = 1", {}, "generation_retries", 1),
]


@pytest.mark.parametrize(("project", "given", "name", "wanted"), TIGHTER)
def test_a_projects_file_only_tightens(tmp_path, project, given, name, wanted):
    assert getattr(loaded(tmp_path, project=project, **given), name) == wanted


LIMITS = [field.name for field in dataclasses.fields(Settings) if field.name.startswith("max_")]


@pytest.mark.parametrize("name", [name for name in LIMITS if name != "max_retries"])
def test_a_projects_file_lowers_every_limit_and_raises_none(tmp_path, name):
    assert getattr(loaded(tmp_path, project=f"{name} = 1", **{name: 3}), name) == 1
    assert getattr(loaded(tmp_path, project=f"{name} = 5", **{name: 3}), name) == 3


@pytest.mark.parametrize("name", ["provider", "model", "base_url", "model_file", "template_directory"])
def test_a_projects_file_never_says_who_is_asked_or_what_is_sent(tmp_path, name):
    assert getattr(loaded(tmp_path, project=f"{name} = 'evil'"), name) == ""


def test_a_project_never_makes_the_wait_longer_or_the_screen_quieter(tmp_path):
    found = loaded(tmp_path, project="request_timeout = 9999\nmax_retries = 99\nshow = 'off'")
    assert (found.request_timeout, found.max_retries, found.show) == (300.0, 2, "code")


# ── which mode ──


@pytest.mark.parametrize(
    ("review", "mode"), [(None, "cached"), ("ask", "ask"), ("later", "later"), ("auto", "auto"), (Person(), "ask")]
)
def test_the_mode_follows_who_can_answer(tmp_path, review, mode):
    assert open_session(tmp_path / ".agent_repl", review=review).mode == mode


def test_a_reviewer_that_comes_later_asks(tmp_path):
    opened = open_session(tmp_path / ".agent_repl")
    opened.reviewer = Person()
    assert opened.mode == "ask"


def test_a_mode_that_was_set_stays_whoever_comes(tmp_path):
    opened = open_session(tmp_path / ".agent_repl", review="later")
    opened.reviewer = Person()
    assert opened.mode == "later"


def test_a_project_that_says_cached_is_cached_for_a_person_too(tmp_path):
    (tmp_path / ".agent_repl").mkdir()
    (tmp_path / ".agent_repl" / "config.toml").write_text("review = 'cached'\n")
    opened = open_session(tmp_path / ".agent_repl", review=Person())
    opened.reviewer = Person()
    assert opened.mode == "cached"


def test_ci_loosens_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert open_session(tmp_path / ".agent_repl").mode == "cached"


def test_any_function_from_a_proposal_to_a_verdict_reviews(tmp_path):
    from agent_repl import Verdict

    seen = []
    opened = session(tmp_path, DOUBLE, review=lambda proposal: seen.append(proposal.title) or Verdict("accept"))
    assert opened.agent("calculator").double(2) == 4
    assert seen == ["calculator.double"]


# ── which name ──

SLUGS = {
    "CSV data analyst for {path}: messy dates": "csv_data_analyst",
    "the sales": "sales",
    "class": "class_agent",
    "json": "json_agent",
    "2 cats": "agent_2_cats",
    "{path}": "agent",
    "!!!": "agent",
    ": nothing": "agent",
    "Überwacher der Züge": "uberwacher_der_zuge",
    "日本語": "agent",
    "a an the": "agent",
    "None": "none",
    "one two three four five": "one_two_three",
}


@pytest.mark.parametrize("identity", SLUGS)
def test_an_identity_becomes_a_short_name(identity):
    assert slug(identity) == SLUGS[identity]


@given(st.text())
def test_every_identity_becomes_a_name_that_can_be_a_file_and_a_class(identity):
    name = slug(identity)
    assert is_name(name)
    assert name.isascii()
    assert name not in sys.stdlib_module_names


def test_two_identities_never_share_a_name(tmp_path):
    opened = session(tmp_path)
    names = [opened.agent(words)._agent_repl_label_ for words in ("sales", "the sales", "sales: more")]
    assert names == ["sales", "sales_2", "sales_3"]
    assert free_name("a", ["a", "a_2"]) == "a_3"


def test_a_given_name_that_is_taken_gets_a_number(tmp_path):
    opened = session(tmp_path)
    opened.agent("sales")
    assert opened.agent("other", name="sales")._agent_repl_label_ == "sales_2"


def test_a_name_once_given_stays_in_the_next_session(tmp_path):
    opened = session(tmp_path, DOUBLE, DOUBLE)
    for words in ("sales", "the sales"):
        opened.agent(words).double(2)
    later = session(tmp_path, review="cached")
    assert later.agent("the sales")._agent_repl_label_ == "sales_2"
    assert later.agent("sales")._agent_repl_label_ == "sales"


def test_two_sessions_that_take_the_same_name_do_not_overwrite_each_others_class_file(tmp_path):
    from agent_repl import ModuleError, pin

    one, two = session(tmp_path, DOUBLE), session(tmp_path, DOUBLE)
    first, second = one.agent("sales"), two.agent("the sales")
    first.double(1)
    second.double(1)
    path = pin(first.double)
    before = path.read_text()
    with pytest.raises(ModuleError, match="this one is 'sales_2'"):
        pin(second.double)
    assert path.read_text() == before
    assert (first.double(2), second.double(2)) == (4, 4)


# ── which model ──


@pytest.fixture
def no_local(monkeypatch):
    monkeypatch.setattr("agent_repl_local.installed", lambda path: False)


@pytest.mark.parametrize(
    "environment",
    [{"ANTHROPIC_API_KEY": "k"}, {"ANTHROPIC_AUTH_TOKEN": "t"}, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}],
)
def test_a_key_or_an_address_means_anthropic(environment, no_local):
    assert choose_provider(Settings(), environment).name == "anthropic"


def test_an_address_in_the_settings_means_anthropic(no_local):
    provider = choose_provider(Settings(base_url="http://127.0.0.1:1", model="m"), {})
    assert (provider.name, provider.model, provider.host) == ("anthropic", "m", None)


def test_an_installed_model_is_used_where_there_is_no_key(monkeypatch):
    monkeypatch.setattr("agent_repl_local.installed", lambda path: True)
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    assert choose_provider(Settings(), {}).name == "local"
    assert choose_provider(Settings(), {"ANTHROPIC_API_KEY": "k"}).name == "anthropic"
    assert choose_provider(Settings(provider="local"), {"ANTHROPIC_API_KEY": "k"}).name == "local"


def test_a_model_without_its_library_is_no_model(monkeypatch):
    monkeypatch.setattr("agent_repl_local.installed", lambda path: True)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(NoProvider):
        choose_provider(Settings(), {})


def test_nothing_at_all_names_three_ways(no_local):
    with pytest.raises(NoProvider, match=r"Three ways.*ANTHROPIC_API_KEY.*ANTHROPIC_BASE_URL.*agent-repl model pull"):
        choose_provider(Settings(), {})


def test_opening_a_session_and_making_an_agent_needs_no_model(tmp_path, no_local):
    opened = open_session(tmp_path / ".agent_repl", review="auto")
    assert repr(opened.agent("calculator")) == "<agent calculator: calculator · no methods yet>"
    assert "no model" in opened.describe()


def test_another_package_adds_a_provider(monkeypatch, tmp_path):
    point = EntryPoint("mine", "kit:ScriptedTwice", "agent_repl.providers")
    monkeypatch.setattr("kit.ScriptedTwice", lambda: ScriptedProvider([f"```python\n{DOUBLE}```"]), raising=False)
    found = {("agent_repl.providers", "mine"): [point]}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: found.get((group, name), []))
    opened = open_session(tmp_path / ".agent_repl", provider="mine", review="auto")
    assert opened.agent("calculator").double(2) == 4


def test_an_unknown_provider_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(NoProvider, match="no provider 'nobody': anthropic, local"):
        open_session(tmp_path / ".agent_repl", provider="nobody").provider  # noqa: B018


def test_a_provider_that_does_not_load_is_named(monkeypatch, tmp_path):
    point = EntryPoint("mine", "absent_module_x:Thing", "agent_repl.providers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: [point])
    with pytest.raises(NoProvider, match=r"provider 'mine' does not load: .*absent_module_x"):
        open_session(tmp_path / ".agent_repl", provider="mine").provider  # noqa: B018


def test_a_person_who_says_no_sends_nothing(tmp_path):
    person = Person()
    person.confirm = lambda question: False
    opened = session(tmp_path, DOUBLE, review=person)
    opened.provider.host = "api.example.com"
    with pytest.raises(PolicyError, match="nothing was sent to api"):
        opened.agent("calculator").double(2)
    assert opened.provider.prompts == []


def test_a_server_on_this_machine_is_no_host_to_ask_about():
    assert AnthropicProvider(base_url="http://localhost:8080/v1").host is None
    assert AnthropicProvider(base_url="http://[::1]:1").host is None
    assert AnthropicProvider(base_url="http://example.com:1").host == "example.com:1"


def test_a_yes_is_remembered_for_that_host_alone(tmp_path):
    asked = []
    for folder, host in (("a", "one.example.com"), ("b", "one.example.com"), ("c", "two.example.com")):
        person = Person("accept")
        opened = session(tmp_path / folder, DOUBLE, review=person)
        opened.provider.host = host
        opened.agent("calculator").double(2)
        asked.append(len(person.questions))
    assert asked == [1, 0, 1]


# ── the process's own session ──


@pytest.fixture
def nobodys(monkeypatch):
    monkeypatch.setattr(module, "_default", [])


def test_the_default_session_is_opened_once_in_the_nearest_home(nobodys, own_home):
    assert default_session() is default_session()
    assert default_session().store.where.startswith(str(own_home / ".agent_repl"))


def test_agent_is_made_in_the_default_session(nobodys, tmp_path):
    use(session(tmp_path, DOUBLE))
    assert Agent("calculator").double(3) == 6
    assert default_session().usage.calls == 1


def test_an_agent_may_name_its_session(nobodys, tmp_path):
    opened = session(tmp_path, DOUBLE)
    assert Agent("calculator", session=opened).double(3) == 6
    assert module._default == []


def test_agents_of_a_closed_session_run_what_is_pinned(tmp_path):
    from agent_repl import pin

    opened = session(tmp_path, DOUBLE)
    agent = opened.agent("calculator")
    agent.double(2)
    pin(agent.double)
    opened.close()
    opened.close()
    assert agent.double(4) == 8


def test_describe_is_one_line(tmp_path):
    line = session(tmp_path).describe()
    assert line == f"agent_repl · scripted scripted on this machine · review: auto · {tmp_path}/.agent_repl"
