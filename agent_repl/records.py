"""The nouns of the product, frozen: what each stage of a call hands to the next."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

from agent_repl_bounds.records import Effect as Effect
from agent_repl_data.secrets import hidden

Tier = Literal["NEW", "CHANGED", "CACHED", "CRYSTALLIZED", "PINNED"]
Author = Literal["model", "person", "file", "repair"]
Decision = Literal["accept", "auto", "edit", "revise", "reject", "pin"]
Standing = Literal["draft", "accepted", "rejected", "failed"]
Mode = Literal["ask", "auto", "later", "cached"]


class Key(NamedTuple):
    """Where code is kept: the template of an identity, and a method's name."""

    identity: str
    name: str


@dataclass(frozen=True)
class Call:
    """One call as the person wrote it; `identity` is the template with its braces filled."""

    key: Key
    label: str
    identity: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    made: bool = True  # else code is wanted before anybody calls it


class Premise(NamedTuple):
    """One thing that the writer was shown: a path (`n`, `self.path`, `file(self.path)`) and its signature."""

    path: str
    signature: str


Guard = tuple[Premise, ...]


@dataclass(frozen=True)
class Usage:
    """What answers cost: tokens by kind, seconds of waiting, US dollars (None when the price is not known)."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        """The sum of both; an unknown cost makes the sum unknown."""
        sums = {name: mine + vars(other)[name] for name, mine in vars(self).items() if name != "cost"}
        return Usage(**sums, cost=None if self.cost is None or other.cost is None else self.cost + other.cost)


@dataclass(frozen=True)
class Prompt:
    """What is sent, secrets hidden: the stable prefix (`system`, which providers may cache), then the call (`user`)."""

    system: str
    user: str
    premises: Guard = ()
    temperature: float = 0.0
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        object.__setattr__(self, "system", hidden(self.system))  # here, so that no way of making one passes it by
        object.__setattr__(self, "user", hidden(self.user))


@dataclass(frozen=True)
class Reply:
    """A whole answer, what it cost, and who gave it; `note` says "scripted" or "replayed" of one that is not new."""

    text: str
    usage: Usage
    model: str
    note: str = ""


@dataclass(frozen=True)
class Spec:
    """What validation holds code against: the wanted name, how it is called, and what self has."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    state: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()  # texts that may name a file
    paths: Mapping[str, str] = field(default_factory=dict)  # those of arguments and state that do, by `self.path`
    helpers: Mapping[str, str] = field(default_factory=dict)  # sources: code that calls one of these gets it
    refuse: frozenset[str] = frozenset()  # kinds of flagged effects that the code may not have
    made: bool = True  # as in Call; else `args` and `kwargs` say nothing, and the code has parameters of its own choice
    kind: str = ""  # on an ordinary class: method, async, property, classmethod or staticmethod
    beside: frozenset[str] = frozenset()  # methods that are wanted too: they may stand in the same reply
    unit: Callable[[str, Spec], str] = lambda text, spec: text  # the Python that a text stands for, as an executor's


@dataclass(frozen=True)
class Code:
    """Source that passed validation, which alone makes one; `unit` is the hash of its syntax tree without positions.

    What it does with self is told as `flow.Facts` are.
    """

    name: str
    source: str
    tree: ast.Module
    unit: str
    effects: tuple[Effect, ...]
    reads: frozenset[str]
    binds: frozenset[str]
    calls: frozenset[str]
    dynamic: bool

    @property
    def flagged(self) -> bool:
        """Whether any effect needs a person's look."""
        return any(effect.flagged for effect in self.effects)


@dataclass(frozen=True)
class Version:
    """One text of a method with its history; never changed once it is stored, only judged."""

    key: Key
    source: str
    unit: str
    author: Author
    reason: str = "new"
    number: int = 0
    parents: tuple[int, ...] = ()
    premises: Guard = ()  # of the call that it was written for
    model: str = ""
    usage: Usage = Usage()
    prompt_hash: str = ""
    created: str = ""  # ISO 8601 in UTC
    verdict: Standing = "draft"  # the latest
    note: str = ""  # the words of the verdict, the error of the last run, or what came of trying it
    spec: str = ""  # what the code was written by, where a person's words were shaped first


@dataclass(frozen=True)
class Entry:
    """A method's head version, and the guards for which a person or a policy accepted it."""

    version: Version
    guards: tuple[Guard, ...] = ()
    pinned: bool = False
    runs: int = 0


@dataclass(frozen=True)
class Example:
    """One accepted run of a version: what went in and what came out, to hold later versions against."""

    key: Key
    version: int
    args: str  # args, state and answer are texts of plain values, "" where the run cannot be replayed
    state: str
    answer: str
    kind: str  # the signature of the answer
    files: str = ""  # a fingerprint of the data that was read
    kept: bool = False  # as a check, by a person
    at: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a reviewer is asked about: code that has not been accepted, and all that is known of it."""

    title: str  # `sales.top_sellers`
    status: str
    code: Code
    reason: str = ""
    previous: str = ""  # the source that it would replace
    provider: str = ""
    usage: Usage = Usage()
    attempts: int = 1
    isolation: str = "nothing isolates it: it runs in this process, with your rights"
    note: str = ""
    answers: tuple[str, ...] = ()  # which of them change then
    tried: str = ""  # what it answered in isolation, or why it was not tried
    versions: tuple[Version, ...] = ()  # those of this method, oldest first
    check: Callable[[str], str] = lambda source: ""  # what is wrong with an edited source, "" when nothing is


@dataclass(frozen=True)
class Verdict:
    """A reviewer's answer: `source` comes with "edit", `feedback` with "revise".

    "auto" accepts this code, and until exit what is not flagged for this agent.
    """

    decision: Decision
    source: str = ""
    feedback: str = ""


@dataclass(frozen=True)
class Event:
    """Something to show on a call's way: of kind "text" the next piece of the reply, of all others words."""

    kind: str  # writing, text and written (no words), loading, attempt, replaying, repair, asking, done or warning
    text: str
    title: str = ""
    rule: str = ""  # of an attempt: what its reply was refused by, and the line
    line: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a call ended. Exactly one of `value` (status "ok") and `error` (status "error") means something."""

    status: Literal["ok", "error"]
    value: Any = None
    error: BaseException | None = None
    error_type: str = ""
    tier: Tier | None = None
    usage: Usage = Usage()
    timings: Mapping[str, float] = field(default_factory=dict)
    spent: Mapping[str, Usage] = field(default_factory=dict)  # by stage: shape, write, name


@dataclass(frozen=True)
class Settings:
    """What a person may set: see the table in the README. Times are seconds, money US dollars."""

    provider: Annotated[str, "who writes: anthropic, local, or one that a package adds; none named is chosen"] = ""
    model: Annotated[str, "the model that writes, by its provider's name for it"] = ""
    base_url: Annotated[str, "where the model is asked, a server that speaks the Messages API"] = ""
    model_file: Annotated[str, "the file of the local model, where it is not the one that was fetched"] = ""
    review: Annotated[Literal["", "auto", "ask", "later", "cached"], "who looks at new code; none: by place"] = ""
    request_timeout: Annotated[float, "seconds that one request to a model may take"] = 300.0
    max_retries: Annotated[int, "how often a busy host is asked again"] = 2
    generation_retries: Annotated[int, "tries to write one method"] = 3
    shape: Annotated[Literal["auto", "always", "never"], "a specification first: auto is of words only"] = "auto"
    repairs: Annotated[int, "how often code that failed is mended without asking"] = 2
    policy: Annotated[Literal["inform", "strict"], "what flagged effects do: strict refuses them"] = "inform"
    refuse: Annotated[str, "the kinds of effects that strict refuses; none named is all"] = ""
    samples: Annotated[Literal["some", "none"], "what of your data a prompt may hold"] = "some"
    show: Annotated[Literal["code", "line", "off"], "before each cell: line is a line for each known call"] = "code"
    crystallize_after: Annotated[int, "runs after which a method becomes a plain function; 0 is never"] = 3
    max_depth: Annotated[int, "new methods inside new methods"] = 8
    max_calls: Annotated[int, "how often one call may ask the model"] = 20
    max_leaves: Annotated[int, "how often self.llm may ask the model in one call; 0 is no limit"] = 1000
    max_tokens: Annotated[int, "tokens of one call that asks self.llm; 0 is no limit"] = 0
    max_seconds: Annotated[float, "seconds of one call since it first asked self.llm; 0 is no limit"] = 0.0
    max_cost: Annotated[float, "US dollars that a session may cost; 0 is no limit"] = 1.0
    max_call_cost: Annotated[float, "US dollars that one call may cost; 0 is no limit"] = 0.0
    template_directory: Annotated[str, "a folder with prompts of your own"] = ""
    without: Annotated[str, "what a prompt leaves out, and the trial"] = ""
    examples: Annotated[Literal["on", "off"], "whether runs are recorded"] = "on"
    redact: Annotated[str, "a pattern: values in which it is found are not recorded"] = ""
    log: Annotated[str, "a file to which each call adds a line; none named is no log"] = ""
    log_level: Annotated[Literal["call", "stage", "prompt"], "what the log tells"] = "call"
    trust_key_file: Annotated[str, "the file of your key, by its whole path"] = ""
    executor: Annotated[Literal["inline", "process", "sandbox", "lua"], "where written code runs"] = "inline"
    max_run_seconds: Annotated[float, "seconds that a call may run in a worker; 0 is no limit"] = 60.0
    max_run_memory: Annotated[int, "megabytes of code in a worker, above what Python needs; 0 is no limit"] = 2048
