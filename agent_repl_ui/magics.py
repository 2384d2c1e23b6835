"""`%agent` and `%%agent` as magics of IPython, with the session's settings as their traits."""

import ast
from dataclasses import Field, fields
from doctest import DocTestParser, Example
from typing import Any, get_args, get_type_hints

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import TraitType

from agent_repl import control
from agent_repl.errors import AgentError
from agent_repl.records import Settings
from agent_repl.session import default_session
from agent_repl.session.settings import AT_START, CHOICES, LISTS
from agent_repl_classes import describe

from .manual import manual
from .render import escaped
from .verbs import VERBS, Names, method_of, named, run

USAGE = (
    "write %%agent AGENT.METHOD, or %%agent NAME for an agent or a class of yours, with a description below it, "
    "or %%agent --code AGENT.METHOD with code"
)


class Setting(TraitType):  # type: ignore[misc]
    """A setting of the session as a trait; a value that it cannot have is told in one line, and changes nothing."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        """What the session has now, whoever set it."""
        session = default_session()
        return session.mode if self.name == "review" else getattr(session.settings, self.name)

    def default_value_repr(self) -> str:
        """What `--help-all` says."""
        return repr(getattr(Settings(), self.name))

    def validate(self, obj: Any, value: Any) -> Any:
        """Set it; gives back what holds then."""
        try:
            default_session().set(**{self.name: value})
        except AgentError as error:
            print(escaped(f"AgentMagics.{self.name} stays {self.get(obj)!r}: {error}"))
        return self.get(obj)


def settable(field: Field[Any]) -> Setting:
    """A setting as a trait, of which `%config AgentMagics` says what stands at it in `Settings`."""
    name, (_, *words) = field.name, get_args(get_type_hints(Settings, include_extras=True)[field.name])
    said = [f"{word}." for word in words] + ["It is chosen when a session opens."] * (name in AT_START)
    said += [f"One of {', '.join(filter(None, CHOICES[name]))}."] if name in CHOICES else []
    said += [f"Any of {', '.join(LISTS[name])}, with commas between."] if name in LISTS else []
    said += [f"Default: {field.default}."] if field.default != "" else []
    kinds = type(type(field.default).__name__, (Setting,), {})  # which help shows
    return kinds(help=" ".join(said)).tag(config=True)  # type: ignore[no-any-return]


@magics_class
class AgentMagics(Magics):  # type: ignore[misc]
    """Make, show and keep agents; what is set here is a setting of the session."""

    locals().update({field.name: settable(field) for field in fields(Settings)})

    @no_var_expand  # type: ignore[untyped-decorator]
    @line_cell_magic  # type: ignore[untyped-decorator]
    def agent(self, line: str, cell: str | None = None) -> Any:
        try:
            return run(self.shell.user_ns, line) if cell is None else _run_cell(self.shell.user_ns, line, cell)
        except (AgentError, OSError) as error:
            raise UsageError(escaped(str(error))) from None

    agent.__doc__ = manual(VERBS.values())


def _run_cell(names: Names, line: str, body: str) -> None:
    """What `%%agent LINE` does with the cell below it; raises AgentError."""
    targets = [word for word in line.split() if word != "--code"]
    if len(targets) != 1 or not body.strip():
        raise AgentError(USAGE)
    if targets[0].isidentifier() and targets == line.split():
        if targets[0] not in names:
            raise AgentError(f"{targets[0]!r} is no name here; {USAGE}")
        written = describe(names[targets[0]], body)
        return print(escaped(f"{targets[0]}: {', '.join(written)} {'is' if len(written) == 1 else 'are'} written"))
    agent, method = method_of(names, targets[0], new=True)
    if "--code" in line.split():
        return print(f"{targets[0]} is PINNED in {control.define(agent, method, body)}")
    try:
        parts = DocTestParser().parse(body)
    except ValueError as error:
        raise AgentError(f"an example cannot be read: {error}") from None
    words = "".join(part for part in parts if isinstance(part, str)).strip()
    examples = [_wanted(names, targets[0], part) for part in parts if isinstance(part, Example)]
    return print(escaped(control.write(agent, method, words, examples=examples)))


def _wanted(names: Names, target: str, example: Example) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    """The arguments of an example's call, which may be literals or names, and the text that it should give."""
    said = example.source.strip()
    try:
        match ast.parse(said, mode="eval").body:
            case ast.Call(func=ast.Attribute() as called, args=args, keywords=pairs) if ast.unparse(called) == target:
                kwargs = {pair.arg: named(names, pair.value) for pair in pairs if pair.arg}
                if len(kwargs) == len(pairs):  # else there is a **
                    return tuple(named(names, arg) for arg in args), kwargs, example.want.rstrip("\n")
    except (ValueError, SyntaxError, KeyError, MemoryError, RecursionError):
        pass
    how = f"an example is a call of {target} with plain values or names, as in >>> {target}(3)"
    raise AgentError(f"{said!r}: {how}")
