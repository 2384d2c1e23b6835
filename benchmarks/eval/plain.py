"""The plain arm: the same model, asked as a competent person would ask it, in one prompt.

It is told the task's words, the state, the calls, and the first ten lines of each file. A try fails when its code does
not parse, does not define what is wanted, or raises in a visible call; then the same is asked again, hotter, without a
word about what failed. It may ask for as many replies as ours may for the same task.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any

from agent_repl.errors import ProviderError, ReplyCut
from agent_repl.records import Prompt
from agent_repl.validate import looping

from .recorder import Recorder
from .task import Call, Instance, Task
from .world import Alarm, Ran, directory, quietly, run

HEATS = (0.0, 0.35, 0.7)  # as ours
HOTTER = 0.05  # a further try with the same text, temperature and seed would be the same text
LINES, WIDTH, LONGEST = 10, 200, 1000
SYSTEM = "You are an expert Python programmer. Answer with one fenced block of Python code."


class Stopped(Exception):
    """The reply goes round in circles: who reads it would press stop."""


class Unusable(Exception):
    """A reply that holds no code that could be called."""


def solve(task: Task, model: Recorder, tries: int) -> tuple[Ran, Ran]:
    """How the first code that does not fail did: on the visible calls, then on the hidden ones."""
    model.begin(task.replies(tries))
    ran = Ran(False, "nothing was answered", raised=True)
    for attempt in range(model.limit):
        code = ask(model, prompt_for(task, heat(attempt)))
        model.retried = attempt > 0
        ran = tried(code, task, task.visible)
        model.says(ran.why)
        if not ran.raised:
            return ran, tried(code, task, task.hidden) if ran.right else Ran(False, "not tried")
    return ran, Ran(False, "not tried")


def heat(attempt: int) -> float:
    """The temperature of a try, counted from 0."""
    return HEATS[attempt] if attempt < len(HEATS) else HEATS[-1] + HOTTER * (attempt - len(HEATS) + 1)


def prompt_for(task: Task, temperature: float) -> Prompt:
    """All that the model is told."""
    instance = task.visible
    made = ", ".join(f"{name}={shown(value)}" for name, value in instance.state.items())
    calls = "\n".join(dict.fromkeys(f"    result = obj.{written(call)}" for call in instance.calls))
    words = [
        f"Write a Python class `{class_name(task)}`: {filled(task, instance)}",
        f"The object is made like this, and these are the calls that it must answer:\n\n"
        f"    obj = {class_name(task)}({made})\n{calls}",
        *(head_of(name, content) for name, content in instance.files.items()),
        "The methods must return their results, not print them. Give me the complete code, with its imports and "
        "without example usage, in one ```python block.",
    ]
    return Prompt(SYSTEM + "\n", "\n\n".join(words) + "\n", (), temperature)


def class_name(task: Task) -> str:
    """The task's name as a class has it."""
    return "".join(word.capitalize() for word in task.name.split("_"))


def filled(task: Task, instance: Instance) -> str:
    """The identity with the names of the state filled in, as an agent's is."""
    text = task.identity
    for name, value in instance.state.items():
        text = text.replace(f"{{{name}}}", str(value)) if isinstance(value, str | int | float) else text
    return text


def written(call: Call) -> str:
    """The call as a person writes it."""
    given = [*map(shown, call.args), *(f"{name}={shown(value)}" for name, value in call.kwargs.items())]
    return f"{call.name}({', '.join(given)})"


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def head_of(name: str, content: str | bytes) -> str:
    """The first ten lines of a file."""
    text = content if isinstance(content, str) else content.decode(errors="replace")
    lines = [line[:WIDTH] for line in islice(text.splitlines(), LINES)]
    return f"The first lines of {name}:\n```\n" + "\n".join(lines) + "\n```"


def ask(model: Recorder, prompt: Prompt) -> str:
    """The text of a reply; of one that is cut, or that goes round in circles, what there is."""
    said = ""

    def listen(text: str) -> None:
        nonlocal said
        said += text
        if "\n" in text and looping(said[-8_000:]):
            raise Stopped

    try:
        return model.complete(prompt, listen).text
    except (Stopped, ReplyCut):
        return said
    except ProviderError:
        if said or model.heard[-1].said.endswith("gave an empty reply. Try again."):
            return said
        raise


def tried(text: str, task: Task, instance: Instance) -> Ran:
    """The code of a reply on the calls of one instance."""
    alarm = Alarm()
    with directory(instance):
        try:
            alarm.start()
            with quietly():
                target = target_for(text, task, instance)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: code that asks for a command line is a failed try
            return Ran(False, f"{type(error).__name__}: {str(error)[:300]}", raised=True)
        finally:
            alarm.stop()
        return run(instance, lambda call: target(call)(*call.args, **call.kwargs), alarm)


def target_for(text: str, task: Task, instance: Instance) -> Callable[[Call], Callable[..., Any]]:
    """From a call to what answers it: a method of the class that has them all, else a function of that name."""
    module = ModuleType("answer")
    exec(compile(code_of(text, task.methods), "<answer>", "exec"), vars(module))
    classes = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == "answer"]
    able = [each for each in classes if all(callable(getattr(each, name, None)) for name in task.methods)]
    able.sort(key=lambda each: each.__name__ != class_name(task))
    if able:
        made = able[0](**instance.state)
        return lambda call: getattr(made, call.name)
    missing = [name for name in task.methods if not callable(vars(module).get(name))]
    if missing:
        raise Unusable(f"{', '.join(missing)} is not defined")
    state = SimpleNamespace(**instance.state)
    return lambda call: with_state(vars(module)[call.name], state)


def with_state(function: Callable[..., Any], state: SimpleNamespace) -> Callable[..., Any]:
    """A function that takes the state by name, or an object first, with that given."""
    names = inspect.signature(function).parameters

    def called(*args: Any, **kwargs: Any) -> Any:
        given = {name: value for name, value in vars(state).items() if name in names and name not in kwargs}
        first = (state,) if next(iter(names), "") in ("self", "obj") else ()
        return function(*first, *args, **given, **kwargs)

    return called


BLOCK = re.compile(r"^[ \t]*```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.M | re.S | re.I)


def code_of(text: str, names: tuple[str, ...]) -> str:
    """The block that defines what is wanted, else all blocks together, else the whole reply; raises SyntaxError."""
    blocks = [match[1] for match in BLOCK.finditer(text)] or [text]
    for block in blocks:
        if parses(block) and all(re.search(rf"def\s+{name}\b", block) for name in names):
            return block
    return "\n\n".join(blocks)


def parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
