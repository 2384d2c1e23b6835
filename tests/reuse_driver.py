"""A process that has a session: one JSON command a line in, one JSON answer a line out.

    {"do": "open", "home": path, "first": serial, "state": {name: value}}
    {"do": "call", "method": name, "args": [...], "broken": bool}      → answer, written, state
    {"do": "set" | "unset", "name": name, "value": value}
    {"do": "pin" | "unpin" | "forget" | "rollback", "method": name, "serial": serial}      → serial of the head
    {"do": "sync"}  {"do": "close"}

A line out is {"said": answer} or {"raised": words}.

The model of this session writes code that is right for exactly the kinds of the call that it was asked for. Its
answers say which method, which text (`serial`) and which kinds they come from, so that a wrong hit shows.
REUSE_FAULT names a fault that is planted before anything else happens.
"""

import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec

import agent_repl
from agent_repl import ScriptedProvider, open_session
from agent_repl.executors.inline import InlinePlace
from agent_repl.pipeline.methods import Identity

DEPENDS = {
    "plain": ("n",),
    "pair": ("n", "m"),
    "show": ("n", "self.factor"),
    "outer": ("n", "self.factor"),
    "put": ("n",),
    "last": ("self.kept",),
}
"""What an answer of each method depends on."""
PARAMETERS = {"pair": ("n", "m=0"), "last": ()}
HOLDS = {"self.kept": 'getattr(self, "kept", None)'}
MORE = {"outer": ', "inner": self.show(n)'}
FIRST = {"put": "    self.kept = n\n"}


def kinds_of(method, args, state):
    """The kinds that an answer depends on, by `type()` alone."""
    given = dict(zip(("n", "m"), [*args, *[0] * (2 - len(args))], strict=True))
    given |= {f"self.{name}": value for name, value in state.items()}
    return [type(given[name]).__name__ if name in given else "absent" for name in DEPENDS[method]]


def source(method, serial, kinds, broken):
    """Code that tells what it was written for."""
    parameters = ", ".join(["self", *PARAMETERS.get(method, ("n",))])
    values = ", ".join(HOLDS.get(name, name) for name in DEPENDS[method])
    told = f'{{"method": "{method}", "serial": {serial}, "kinds": {kinds}, "values": [{values}]{MORE.get(method, "")}}}'
    spoils = '    self.spoilt = 1\n    {}["absent"]\n' if broken else ""
    return f"def {method}({parameters}):\n{FIRST.get(method, '')}{spoils}    return {told}\n"


class Driver:
    def __init__(self):
        self.home, self.serial = "", 0
        self.args, self.broken, self.written = [], "", []

    def reply(self, prompt):
        method = prompt.user.partition("Write the method `")[2].partition("`")[0]
        broken, self.broken = method == self.broken, "" if method == self.broken else self.broken
        kinds = kinds_of(method, self.args, vars(self.agent))
        self.serial += 1
        self.written.append({"method": method, "serial": self.serial, "kinds": kinds})
        return f"```python\n{source(method, self.serial, kinds, broken)}```"

    def open(self, home, first, state):
        self.home, self.serial = home, self.serial if home == self.home else first
        self.session = open_session(home, provider=ScriptedProvider(self.reply), review="auto")
        self.agent = self.session.agent("keeper", **state)

    def call(self, method, args, broken):
        self.args, self.broken, self.written = args, method if broken else "", []
        outcome = self.session.call(self.agent, method, *args)
        error = f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error else ""
        return {"answer": outcome.value, "error": error, "written": self.written, "state": vars(self.agent)}

    def set(self, name, value):
        setattr(self.agent, name, value)

    def unset(self, name):
        vars(self.agent).pop(name, None)

    def pin(self, method):
        agent_repl.pin(self.agent, method)
        return self.head(method)

    def unpin(self, method):
        agent_repl.unpin(self.agent, method)
        return self.head(method)

    def forget(self, method):
        agent_repl.forget(self.agent, method)

    def rollback(self, method, serial):
        versions = agent_repl.versions(self.agent, method)
        number = next(v.number for v in versions if f'"serial": {serial},' in v.source)
        agent_repl.rollback(self.agent, method, number)
        return self.head(method)

    def head(self, method):
        text = agent_repl.source(self.agent, method)
        return int(text.partition('"serial": ')[2].partition(",")[0])

    def sync(self):
        self.session.sync()

    def close(self):
        self.session.close()


def ignore_state_kind():
    InlinePlace.kinds = lambda self, names=None: dict.fromkeys(vars(self._agent) if names is None else names, "any")


def drop_the_name():
    find = Identity.find

    def any_name(self, name):
        found = find(self, name)
        if found is None and sys._getframe(1).f_code.co_name == "_head":
            found = next((method for other in self.names() if (method := find(self, other))), None)
        return found

    Identity.find = any_name


def stale():
    refresh = Identity.refresh

    def once(self):
        if not hasattr(self, "_looked"):
            self._looked = True
            refresh(self)

    Identity.refresh = once
    if find_spec("agent_repl.generation"):
        import_module("agent_repl.generation").Generation.share = lambda self, make=True: None


def int_is_str():
    from agent_repl_data import kinds

    real = kinds.signature
    for module in [m for name, m in sys.modules.items() if name.startswith("agent_repl")]:
        if getattr(module, "signature", None) is real:
            module.signature = lambda value: real(value).replace("str", "int")


FAULTS = {
    "ignore state kind": ignore_state_kind,
    "drop the name from the key": drop_the_name,
    "stale second process": stale,
    "two kinds seen as equal": int_is_str,
}
FOUND = {
    "ignore state kind": r"(show|outer|last): code for .* served",
    "drop the name from the key": "was answered by",
    "stale second process": "kinds that were known|had been replaced|is not written yet|is not the head",
    "two kinds seen as equal": "code for .*(int|str).* served .*(int|str)",
}
"""What the model says of each fault."""


def main():
    FAULTS.get(os.environ.get("REUSE_FAULT", ""), lambda: None)()
    driver = Driver()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = json.dumps({"said": getattr(driver, command.pop("do"))(**command)})
        except Exception as error:
            answer = json.dumps({"raised": f"{type(error).__name__}: {error}"})
        print(answer, flush=True)


if __name__ == "__main__":
    main()
