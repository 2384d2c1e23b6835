"""One method is written: prompt → reply → validated code, with retries that carry the failed code and its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from .errors import BudgetExceeded, InvalidCode, PolicyError, ReplyCut
from .prompts import Failure, Request, render
from .protocols import Provider
from .records import Code, Event, Prompt, Reply, Spec, Usage
from .validate import looping, validate

_HOTTEST = 1.0
_HEAT = 0.6  # a small model says the same again at half of that, as often as not
_LONGEST = 65_536  # characters of a reply: no method is that long
_TAIL = 8_000  # characters at its end in which a loop shows
_LOOK = 1_000  # characters after which a reply without line ends is looked at again


@dataclass(frozen=True)
class Written:
    """Code with what it cost, all tries together; `prompt_hash` says what it was answered to."""

    code: Code
    usage: Usage
    model: str
    note: str
    prompt_hash: str


def write(
    provider: Provider,
    request: Request,
    spec: Spec,
    tries: int,
    tell: Callable[[Event], None],
    failure: Failure | None = None,
    directory: str = "",
) -> Written:
    """Ask until a reply passes validation, at most `tries` times.

    `failure` is what the first prompt should learn from. Raises ProviderError, the InvalidCode of the last try (a
    PolicyError from that where the policy refuses it), or BudgetExceeded before the next one; these have all that were
    refused as `.attempts`.
    """
    refused: list[InvalidCode] = []
    total = Usage()
    for attempt in range(1, tries + 1):
        prompt = prompt_for(request, failure, directory)
        try:
            reply = ask(provider, prompt, tell, attempt)
            total += reply.usage
            code = validate(reply.text, spec, attempt)
            if failure and code.source == failure.code:
                message = f"This is the same code again: {failure.message.rpartition(' code again: ')[2]}"
                raise InvalidCode(message, "unchanged", code.source, 0, attempt)
            mark = sha256(f"{prompt.system}\0{prompt.user}".encode()).hexdigest()[:16]
            return Written(code, total, reply.model, reply.note, mark)
        except InvalidCode as error:
            refused.append(error)
            failed = failure.tries + 1 if failure else 1
            failure = Failure(error.code, str(error), tries=failed, repeated=error.rule == "unchanged")
            said = f"try {attempt} of {tries} was refused ({error.rule}): {error}"
            tell(Event("attempt", said, request.name, error.rule, error.line))
        except BudgetExceeded as error:
            error.attempts = tuple(refused)
            raise
    raise _given_up(request, refused, tries)


def _given_up(request: Request, refused: list[InvalidCode], tries: int) -> InvalidCode | PolicyError:
    """What is raised when no try was of use: the last refusal, with all of them and what a person can do."""
    last = refused[-1]
    message = f"no usable code for {request.label}.{request.name} in {tries} tries; the last was refused ({last.rule})"
    advice = "Call it with other words, write it yourself, or use a larger model (AGENT_REPL_MODEL)."
    given_up = InvalidCode(f"{message}: {last}\n{advice}", last.rule, last.code, last.line, last.attempt)
    given_up.attempts = tuple(refused)
    if last.rule != "policy":
        return given_up
    refusal = PolicyError(f"policy=strict: {message}: {last}\n{PolicyError.advice}")
    refusal.__cause__ = given_up
    return refusal


def prompt_for(request: Request, failure: Failure | None, directory: str) -> Prompt:
    """What one try sends."""
    return render(request, failure, heat(failure), directory)


def heat(failure: Failure | None) -> float:
    """The temperature of a try: hotter with each failure that there is to get away from."""
    return min(_HEAT * failure.tries, _HOTTEST) if failure else 0.0


def ask(provider: Provider, prompt: Prompt, tell: Callable[[Event], None], attempt: int) -> Reply:
    """A whole reply; one that loops is stopped. Raises ProviderError, or InvalidCode for one that loops or was cut."""
    said = ""

    def on_text(text: str) -> None:
        nonlocal said
        said, before = said + text, len(said) // _LOOK
        tell(Event("text", text))
        if ("\n" in text or len(said) // _LOOK > before) and (len(said) > _LONGEST or looping(said[-_TAIL:])):
            message = "the reply repeats itself, or never ends: answer shortly"
            raise InvalidCode(message, "loops", said, 0, attempt)  # the provider closes the stream

    try:
        return provider.complete(prompt, on_text)
    except ReplyCut as error:
        message = f"the reply was cut before it was whole ({error}): write a shorter method"
        raise InvalidCode(message, "cut", error.text, 0, attempt) from error


def with_feedback(request: Request, head: str, feedback: str) -> Request:
    """The same request, with a draft and what the person said of it."""
    return replace(request, head=head, changes="the person asks for a change" * bool(head), feedback=feedback)
