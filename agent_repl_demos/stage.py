"""What all demos share: a session in a directory of their own, and steps that are taken, told, checked and counted."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from agent_repl import Agent, Outcome, ReviewRequired, Session, Usage, emit, open_session, source, unwrap
from agent_repl.effects import effects
from agent_repl.protocols import Provider
from agent_repl.records import Event, Proposal, Verdict
from agent_repl_local import fetch_model
from agent_repl_ui.terminal import TerminalReviewer

DEMOS = {
    "csv": ("sales", "an analyst of a messy CSV: written, checked, pinned, restarted, emitted"),
    "file": ("file", "questions to a file that only the words name"),
    "database": ("database", "SQLite, wrapped; an answer that is an agent itself"),
    "calculator": ("calculator", "state, kinds of calls, and a second agent that already knows"),
    "assistant": ("assistant", "mail and meetings: slow once, instant, crystallized, emitted, grown"),
}
UNSOLVED = "not solved"
SEED = 2  # in the csv demo the best sellers by units, by revenue and by number of lines are three different orders


@dataclass(frozen=True)
class Step:
    """One call of the agent called `on`, and whether its answer is right; what `is_right` raises says no.

    `writes` are the only places, as the code names them, to which code for this call may write where nobody is asked.
    """

    on: str
    name: str
    kwargs: dict[str, Any]
    is_right: Callable[[Any, Any], bool]
    args: tuple[Any, ...] = ()
    writes: tuple[str, ...] = ()

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.on}.{self.name}({', '.join(given)})"

    def judge(self, outcome: Outcome, agent: Agent | None = None) -> str:
        """In a word, what the answer is worth: "right", "WRONG", one of another form too, or "not solved"."""
        if outcome.status == "error":
            return UNSOLVED
        with suppress(Exception):
            return "right" if self.is_right(unwrap(outcome.value), agent) else "WRONG"
        return "WRONG"


class Reviewer:
    """The terminal's; where nobody can answer it accepts what only writes where the call that is made is to write."""

    def __init__(self) -> None:
        self.screen = TerminalReviewer()
        self.writes: tuple[str, ...] = ()

    @property
    def can_ask(self) -> bool:
        return self.screen.can_ask or bool(self.writes)

    def tell(self, event: Event) -> None:
        self.screen.tell(event)

    def confirm(self, question: str) -> bool:
        return self.screen.confirm(question) if self.screen.can_ask else bool(self.writes)

    def review(self, proposal: Proposal) -> Verdict:
        if self.screen.can_ask:
            return self.screen.review(proposal)
        code, granted = proposal.code, {("writes", where) for where in self.writes}
        flagged = {(effect.kind, effect.detail) for effect in code.effects if effect.flagged}
        names = [node for node in ast.walk(code.tree) if isinstance(node, ast.Name)]
        bound = {f"self.{name}" for name in code.binds} | {n.id for n in names if isinstance(n.ctx, ast.Store)}
        if not flagged or flagged - granted or bound & {*self.writes}:
            what = "; ".join(map(" ".join, sorted(flagged))) or "nobody can answer here"
            raise ReviewRequired(f"{proposal.title} is written and waits for a person: {what}")
        self.tell(Event("done", "accepted: this call is there to write, and writes only that", proposal.title))
        return Verdict("accept")


@dataclass
class Stage:
    """A session in which the steps of a demo are taken; says of each answer what it is worth, and counts."""

    session: Session
    reviewer: Reviewer
    oracle: str = "an independent computation"
    unsolved: str = UNSOLVED  # how this is told of a step
    verdicts: list[tuple[str, str]] = field(default_factory=list)  # of each step that counts
    began: float = field(default_factory=time.perf_counter)

    def take(self, agent: Agent | None, step: Step) -> Any:
        """Take a step, tell all of it, and give its answer; None where there is none, or no agent to be asked."""
        print(f"── {step}")
        outcome = self._call(agent, step)
        verdict = step.judge(outcome, agent)
        self.verdicts.append((step.name, verdict))
        if agent is None or outcome.status == "error":
            print(f"   {self.unsolved}: {type(outcome.error).__name__}: {outcome.error}\n")
            return None
        found = effects(source(agent, step.name))
        touched = ", ".join(f"{e.kind} {e.detail} (line {e.line})" for e in found if e.kind != "import")
        print(f"   {outcome.tier} · {cost(outcome.usage)} · touches: {touched or 'nothing outside'}")
        print(f"   → {textwrap.shorten(repr(unwrap(outcome.value)), 240)}")
        print(f"   {verdict}, says {self.oracle}\n")
        return outcome.value

    def again(self, agent: Agent | None, steps: Iterable[Step], checked: bool = True) -> Any:
        """Take steps whose methods are there, a line each, and give the last answer; `checked` ones count."""
        outcome = None
        for step in steps:
            if checked and (agent is None or (step.name, UNSOLVED) in self.verdicts):
                self.verdicts.append((step.name, UNSOLVED))  # and no model is asked once more
                print(f"   {step} · {UNSOLVED} above")
                continue
            outcome = self._call(agent, step)
            verdict = step.judge(outcome, agent) if checked else outcome.status
            self.verdicts += [(step.name, verdict)] * checked
            took = f"{outcome.timings['total'] * 1000:.2f} ms"
            print(f"   {step} · {outcome.tier} · {took} · {cost(outcome.usage)} · {verdict}")
        return outcome and outcome.value

    def _call(self, agent: Agent | None, step: Step) -> Outcome:
        if agent is None:
            return Outcome("error", error=LookupError("what is to be asked is not there"))
        self.reviewer.writes = step.writes if self.session.mode == "auto" else ()
        try:
            return self.session.call(agent, step.name, *step.args, **step.kwargs)
        finally:
            self.reviewer.writes = ()

    def sum_up(self) -> None:
        """How many answers are right, what they cost, and how long it took."""
        right = sum(verdict == "right" for _, verdict in self.verdicts)
        seconds = time.perf_counter() - self.began
        print(f"── {right} of {len(self.verdicts)} answers are right · {cost(self.session.usage)} · {seconds:.0f} s\n")

    def end(self) -> int:
        """Sum up, name what was not right, and give the exit code: 0 where all is right, else 1."""
        self.sum_up()
        for word in ("WRONG", UNSOLVED):
            if names := ", ".join(dict.fromkeys(name for name, verdict in self.verdicts if verdict == word)):
                print(f"{word}: {names}")
        if all_right := all(verdict == "right" for _, verdict in self.verdicts):
            print(f"model calls: {self.session.usage.calls}. Run the demo again: there will be none.")
        return int(not all_right)


def options(argv: Sequence[str], name: str = "csv") -> argparse.Namespace:
    """What the words after `demo` say; argparse ends the process for those that say nothing, or ask for help."""
    listed = "\n".join(f"  {name:<12}{about}" for name, (_, about) in DEMOS.items())
    about = f"A model writes methods while you watch, and their answers are held against the truth:\n\n{listed}"
    as_it_is = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("agent-repl demo", description=about, formatter_class=as_it_is)
    parser.add_argument("name", nargs="?", default=name, metavar="NAME", help=f"one of: {', '.join(DEMOS)} (csv)")
    parser.add_argument("--provider", default="local", help="local (default), anthropic, or one that is installed")
    parser.add_argument("--review", default="", choices=["ask", "auto"], help="default: ask where you can answer")
    parser.add_argument("--seed", type=int, default=SEED, help="of the data: another one is another shop")
    parser.add_argument("--home", help="the demo's own directory (default: in your cache)")
    found = parser.parse_args(argv)
    if found.name not in DEMOS:
        parser.error(f"there is no demo {found.name!r}, only: {', '.join(DEMOS)}")
    return found


def perform(
    name: str, explore: Callable[[Stage, int], int], argv: Sequence[str] = (), provider: Provider | None = None
) -> int:
    """Run a demo in its own directory, with the provider or what the words name, and give what `explore` gives."""
    found = options(argv, name)
    usual = platformdirs.user_cache_path("agent_repl", appauthor=False) / ("demo" if name == "csv" else f"demo-{name}")
    home = Path(found.home or usual)
    home.mkdir(parents=True, exist_ok=True)
    with chdir(home):  # the model reads the same words wherever the demo is kept
        stage = _open(provider or found.provider, found.review)
        if provider is None and found.provider == "local" and not stage.session.settings.model_file:
            fetch_model()
        try:
            return explore(stage, found.seed)
        finally:
            stage.session.close()


def _open(provider: Provider | str, review: str) -> Stage:
    reviewer = Reviewer()
    session = open_session(Path(".agent_repl"), provider=provider, review=reviewer)
    session.mode = "ask" if review == "ask" or (not review and reviewer.can_ask) else "auto"
    if session.mode == "auto":
        print("Nobody is asked here: review=auto for this demo's own home; code that is flagged would not run.")
    print(session.describe())
    return Stage(session, reviewer)


def leave(agent: Agent, file: str, code: str) -> None:
    """Emit an agent, and run code with its class, the `{file}`, in a Python that knows nothing of ours."""
    emitted = emit(agent, file)
    print(f"── emit: {emitted}, which needs nothing of ours: python -I", flush=True)
    subprocess.run([sys.executable, "-I", "-c", code.replace("{file}", repr(str(emitted)))], check=False)


def cost(usage: Usage) -> str:
    """In words, what answers cost."""
    if not usage.calls:
        return "0 model calls"
    money = "price unknown" if usage.cost is None else f"${usage.cost:.4f}" if usage.cost else "free"
    read, cached = usage.input_tokens + usage.cache_read_tokens, usage.cache_read_tokens
    tokens = f"{read} tokens read ({cached} from cache), {usage.output_tokens} written"
    return f"model calls: {usage.calls} · {usage.seconds:.1f} s · {tokens} · {money}"
