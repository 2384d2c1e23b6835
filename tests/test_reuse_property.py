"""Random lives of two processes that share a home, against a simple model of what must be served.

The model is a few dicts: which text is the head of a method, for which kinds it was written, what is pinned. It knows
kinds by `type()` alone. After every call it asks: was this answered by code that was written for just these kinds of
just this method; was nothing asked that was known; was everything asked that was not?

A process may answer from what it knew when another process changed its mind, until it looks again (`session.sync()`
where there is such a thing, else when it is opened again); never from code for other kinds.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from reuse_driver import DEPENDS, FAULTS, FOUND

import agent_repl
from agent_repl import Session

DRIVER = Path(__file__).with_name("reuse_driver.py")
VALUES = st.sampled_from([1, 22, 333, 4444, "a", "longer", "", 1.5, 0.25, True, False, None, [1], [2, 3]])
METHODS = st.sampled_from(sorted(DEPENDS))
PROCESSES = st.sampled_from([0, 1])
STATE = {"factor": 3}
CAN_ROLL_BACK, CAN_SYNC = hasattr(agent_repl, "rollback"), hasattr(Session, "sync")


class Wrong(AssertionError):
    """The package did what the model says that it must not."""


class Child:
    """A driver process, and what the model knows of it."""

    def __init__(self, first, fault=""):
        self.first = first
        paths = os.pathsep.join([str(Path(agent_repl.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER)],
            env={**os.environ, "REUSE_FAULT": fault, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do, **more):
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Wrong(f"the process ended in {do} {more}")
        reply = json.loads(line)
        if "raised" in reply:
            raise Wrong(f"{do} {more} raised {reply['raised']}")
        return reply["said"]

    def begin(self, home, heads, state):
        self.ask("open", home=str(home), first=self.first, state=state)
        self.state = dict(state)
        self.look(heads)

    def look(self, heads):
        """It has seen what is decided."""
        self.has = set(heads)
        self.knows = defaultdict(set, {name: {head.serial} for name, head in heads.items()})
        self.bound = {name: head.serial for name, head in heads.items() if head.pinned}
        self.behind = set()
        self.pins = defaultdict(set)

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Head:
    def __init__(self, serial, pinned=False):
        self.serial, self.pinned = serial, pinned


class TwoProcesses(RuleBasedStateMachine):
    """Both processes, the home that they share, and the model."""

    def __init__(self, children, home):
        super().__init__()
        self.children, self.home = children, home
        self.heads = {}
        self.texts = {}
        self.last_text = {}
        self.extended = {}  # by a text: the one that was the head when it was written for other kinds
        for child in children:
            child.begin(home, {}, STATE)

    def teardown(self):
        for child in self.children:
            if child.process.poll() is None:
                child.ask("close")

    # ── what happens ──

    @rule(p=PROCESSES, name=st.sampled_from(["factor", "kept", "colour"]), value=VALUES)
    def set_state(self, p, name, value):
        self.children[p].ask("set", name=name, value=value)
        self.children[p].state[name] = value

    @rule(p=PROCESSES, name=st.sampled_from(["kept", "colour"]))
    def unset_state(self, p, name):
        self.children[p].ask("unset", name=name)
        self.children[p].state.pop(name, None)

    @rule(calls=st.lists(st.tuples(PROCESSES, METHODS, VALUES, st.none() | VALUES), min_size=4, max_size=10))
    def call(self, calls):
        for p, method, n, m in calls:
            self.called(self.children[p], method, [n, m], broken=False)

    @rule(method=METHODS, values=st.lists(st.tuples(PROCESSES, st.sampled_from([1, 2, "a"])), min_size=4, max_size=12))
    def call_again(self, method, values):
        for p, n in values:
            self.called(self.children[p], method, [n, 0], broken=False)

    @rule(p=PROCESSES, method=METHODS, n=VALUES)
    def call_what_is_written_wrong_first(self, p, method, n):
        self.called(self.children[p], method, [n, 0], broken=True)

    @rule(p=PROCESSES)
    def restart(self, p):
        child = self.children[p]
        child.ask("close")
        child.begin(self.home, self.heads, child.state)

    @precondition(lambda self: self.heads)
    @rule(p=PROCESSES, data=st.data())
    def pin(self, p, data):
        method = data.draw(st.sampled_from(sorted(self.heads)))
        child = self.looked(p, method)
        serial = child.ask("pin", method=method)
        self.expect(serial == self.heads[method].serial, f"{method}: {serial} was pinned, and is not the head")
        self.heads[method].pinned = True
        child.look(self.heads)
        self.decided(child, method)
        for other in self.children:  # a call of another method may make it see the pin, and not that it is taken back
            other.pins[method] |= {serial} if other is not child else set()

    @precondition(lambda self: any(head.pinned for head in self.heads.values()))
    @rule(p=PROCESSES, data=st.data())
    def unpin(self, p, data):
        method = data.draw(st.sampled_from(sorted(name for name, head in self.heads.items() if head.pinned)))
        child = self.looked(p, method)
        serial = child.ask("unpin", method=method)
        self.expect(serial == self.heads[method].serial, f"{method}: {serial} was unpinned, and is not the head")
        self.heads[method].pinned = False
        child.look(self.heads)
        self.decided(child, method)

    @precondition(lambda self: any(not head.pinned for head in self.heads.values()))
    @rule(p=PROCESSES, data=st.data())
    def forget(self, p, data):
        method = data.draw(st.sampled_from(sorted(name for name, head in self.heads.items() if not head.pinned)))
        child = self.looked(p, method)
        child.ask("forget", method=method)
        del self.heads[method]
        self.decided(child, method)

    @precondition(lambda self: CAN_ROLL_BACK and any(not head.pinned for head in self.heads.values()))
    @rule(p=PROCESSES, data=st.data())
    def rollback(self, p, data):
        method = data.draw(st.sampled_from(sorted(name for name, head in self.heads.items() if not head.pinned)))
        worked = sorted(serial for serial, (name, _, works) in self.texts.items() if name == method and works)
        serial = data.draw(st.sampled_from(worked))
        child = self.looked(p, method)
        found = child.ask("rollback", method=method, serial=serial)
        self.expect(found == serial, f"{method}: rolled back to {serial}, and {found} is the head")
        self.heads[method] = Head(serial)
        self.decided(child, method)

    # ── what must be ──

    def called(self, child, method, values, broken):
        args = self.arguments(method, values)
        if any(self.would_replace_a_pin(child, name, args) for name in self.reached(method)):
            self.look_again(child)
        reply = child.ask("call", method=method, args=args, broken=broken)
        self.expect(not reply["error"], f"{method}{tuple(args)} raised {reply['error']}")
        for text in reply["written"]:
            self.texts[text["serial"]] = (text["method"], text["kinds"], True)
            self.last_text[text["method"]] = text["serial"]
        if broken and reply["written"] and reply["written"][0]["method"] == method:
            first = reply["written"][0]
            self.texts[first["serial"]] = (method, first["kinds"], False)
        self.judge(child, method, args, reply["answer"], [text["method"] for text in reply["written"]])
        if method == "put":
            child.state["kept"] = args[0]
        self.expect(reply["state"] == child.state, f"the state is {reply['state']}, and should be {child.state}")

    @staticmethod
    def arguments(method, values):
        if method == "last":
            return []
        return values if method == "pair" and values[1] is not None else values[:1]

    @staticmethod
    def reached(method):
        return [method, "show"] if method == "outer" else [method]

    def kinds(self, child, method, args):
        given = {"n": args[0] if args else None, "m": args[1] if len(args) > 1 else 0}
        given |= {f"self.{name}": value for name, value in child.state.items()}
        return [type(given[name]).__name__ if name in given else "absent" for name in DEPENDS[method]]

    def fits(self, child, serial, method, args):
        return self.texts[serial][1] == self.kinds(child, method, args)

    def would_replace_a_pin(self, child, method, args):
        """Another process has pinned it, this one has not seen that, and would write a new version."""
        head = self.heads.get(method)
        unseen = head is not None and head.pinned and method not in child.bound
        return unseen and not self.fits(child, head.serial, method, args)

    def judge(self, child, method, args, answer, written):
        serial, head = answer["serial"], self.heads.get(method)
        self.expect(answer["method"] == method, f"{method} was answered by {answer['method']}")
        self.expect(self.texts[serial][2], f"{method}: {serial} had failed, and served")
        values = {"n": args[0] if args else None, "m": args[1] if len(args) > 1 else 0}
        values |= {"self.factor": child.state["factor"], "self.kept": child.state.get("kept")}
        wanted = [values[name] for name in DEPENDS[method]]
        self.expect(repr(answer["values"]) == repr(wanted), f"{method} answered {answer['values']}, not {wanted}")
        behind, bound = method in child.behind, child.bound.get(method)
        pins = child.pins[method] | ({bound, head.serial} if behind and head and head.pinned else {bound})
        if serial not in pins:
            self.expect(behind or bound is None, f"{method} is pinned, and {serial} served")
            self.guarded(child, method, args, serial, head, method in written)
        child.has.add(method)
        if method == "outer":
            self.judge(child, "show", args, answer["inner"], written)

    def guarded(self, child, method, args, serial, head, was_written):
        if not (method == "outer" and "show" not in self.heads):  # nobody knows then what `show` will read
            kinds, wanted = self.texts[serial][1], self.kinds(child, method, args)
            self.expect(kinds == wanted, f"{method}: code for {kinds} served {wanted}")
        if was_written:
            serving = self.serving(head.serial, method != "outer" and not head.pinned) if head else []
            known = method not in child.behind and any(self.fits(child, each, method, args) for each in serving)
            self.expect(not known, f"{method}: a model was asked for kinds that were known")
            self.extended[serial] = head.serial if head else None
            self.becomes_head(child, method, serial)
            return
        heads = ({head.serial} if head else set()) | child.knows[method]
        known = {each for one in heads for each in self.serving(one)}
        right = serial in known | {self.last_text.get(method)}
        self.expect(right, f"{method}: {serial} served, which had been replaced before this process looked")
        if serial not in known:
            self.becomes_head(child, method, serial)

    def serving(self, serial, older=True):
        """The texts that serve where this one is the head: it, and what it was written to extend."""
        found = [serial]
        while older and self.extended.get(found[-1]):
            found.append(self.extended[found[-1]])
        return found

    def becomes_head(self, child, method, serial):
        self.heads[method] = Head(serial)
        child.knows[method] = {serial}
        for other in self.children:
            other.knows[method].add(serial)

    def decided(self, child, method):
        """A person decided in one process; the other is behind until it looks."""
        child.knows[method] = {self.heads[method].serial} if method in self.heads else set()
        child.has = child.has | {method} if method in self.heads else child.has - {method}
        for other in self.children:
            if other is not child:
                other.behind.add(method)
                if method in self.heads:
                    other.knows[method].add(self.heads[method].serial)

    def looked(self, p, method):
        """A process in which a person decides: the verbs know what it has seen."""
        child = self.children[p]
        if child.behind or method not in child.has:
            self.look_again(child)
        return child

    def look_again(self, child):
        if CAN_SYNC:
            child.ask("sync")
            child.look(self.heads)
        else:
            child.ask("close")
            child.begin(self.home, self.heads, child.state)

    @staticmethod
    def expect(holds, words):
        if not holds:
            raise Wrong(words)


# ── the tests ──


@pytest.fixture
def run(tmp_path):
    """Drives the machine: examples, steps, a fault."""
    children = []

    def go(examples, steps, fault="", **more):
        children.extend(Child(first, fault) for first in (0, 100_000))
        homes = iter(tmp_path / f"{number}" / ".agent_repl" for number in range(10**6))
        run_state_machine_as_test(
            lambda: TwoProcesses(children, next(homes)),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                **more,
            ),
        )

    yield go
    for child in children:
        child.end()


def test_no_sequence_of_decisions_in_two_processes_gives_a_wrong_answer(run):
    run(8, 25, derandomize=True)  # the long one, in test-all, goes new ways each time


@pytest.mark.slow
def test_no_long_sequence_of_decisions_in_two_processes_gives_a_wrong_answer(run):
    run(80, 50)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(run, fault):
    with pytest.raises(Wrong, match=FOUND[fault]):
        run(40, 40, fault, derandomize=True, phases=[Phase.generate])
