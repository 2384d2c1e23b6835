"""Where the next text of a method comes from: a draft that was paid for, the head as it is, the model, a person."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from agent_repl_code.flow import options
from agent_repl_code.unit import method_of

from ..effects import parse
from ..errors import BudgetExceeded, InvalidCode, PolicyError, ProviderError, StoreError
from ..prompts import Failure, Request, trimmed
from ..protocols import Provider
from ..records import Author, Entry, Event, Guard, Premise, Prompt, Standing, Usage, Version
from ..shape import Shape, documented, shape
from ..signature import OTHERWISE, misread
from ..signature.guards import differences
from ..signature.options import signer
from ..validate import recall, validate
from ..validate.rules import passed
from ..write import Written, with_feedback, write
from .asking import asking
from .case import ANY_CALL, Case, Draft, request_of, spec_of, state_of
from .examples import told, tried
from .methods import Method
from .policy import refused, require_model, require_policy

FROM_WORDS = "from words"
"""How the reason of a version begins that was written from a person's words, which follow."""


def waiting_draft(case: Case, past: Iterable[Entry]) -> Draft | None:
    """Code for the same call that was paid for and is none of the past heads: it is shown again, or run if accepted."""
    last = _last(case)
    failure = case.shop.failures.get(case.call.key)
    if last is None or last.verdict == "failed":
        return None
    if failure and (last.author != "repair" or last.source == failure.code):
        return None
    if any(head.version.number == last.number for head in past):
        return None  # it has served, and somebody decided otherwise since
    code = recall(last.source, case.name)
    if any(misread(value, last.source) for value in [*case.call.args, *spec_of(case).paths.values()]):
        return None  # its helpers were made for a file of other forms
    return Draft(last, code, last.reason, "" if last.verdict == "accepted" else tried(case, code).words)


def _last(case: Case) -> Version | None:
    """The newest version, if it was written for just such a call."""
    last = next(reversed(case.shop.store.versions(case.call.key)), None)
    shown = () if last is None else request_of(case).premises
    if last is not None and last.premises[:1] == (ANY_CALL,):
        here = {*shown, *_asked(case, parse(last.source))}  # also how the state meets the constants of the code
        return last if here.issuperset(last.premises[1:]) else None
    if last is None or last.premises[: len(shown)] != shown:
        return None
    return last if last.premises == (*shown, *_asked(case, parse(last.source))) else None


def _asked(case: Case, tree: ast.Module) -> Guard:
    """Which of the constants that code compares with stand in this call, by argument and state."""
    found, method = options(tree, case.name), method_of(tree, case.name)
    try:
        given = passed(method, spec_of(case)) if method else {}
    except TypeError:
        return ()
    here = given | {f"self.{name}": value for name, value in state_of(case.place).items()}
    return tuple(Premise(path, signer(option)(here[path])) for path, option in found.items() if path in here)


def unchanged_head(case: Case) -> Draft | None:
    """A person may widen the head to a new kind of call as it is, where a trial does not raise; the policy may not."""
    head = case.identity.find(case.name)
    if head is None or case.mode != "ask" or case.call.key in case.shop.failures:
        return None
    binds, news = _news(case, head)
    found = tried(case, head.code) if binds and OTHERWISE not in news else None
    if found is None or found.error:
        return None
    return Draft(head.entry.version, head.code, f"widens: the same code for a new kind of call ({news})", found.words)


def _news(case: Case, head: Method) -> tuple[bool, str]:
    """Whether the call binds to the head's parameters, and in words what is new about it."""
    try:
        premises = case.identity.premises(case.name, case.place, case.call.args, case.call.kwargs)
    except TypeError as error:
        return False, str(error)
    return True, "; ".join(differences(head.entry.guards, premises)) or "its siblings have changed"


def new_draft(case: Case, revise: tuple[str, str] | None = None, parent: Version | None = None) -> Draft:
    """A new version from the model: stored before anybody looks at it, since it is paid for.

    Where somebody will be asked about it, it is tried first, and one that raises is written again.
    """
    require_model(case)
    request, failure = wanted(case)
    head = case.identity.find(case.name)
    before = parent or (head.entry.version if head else None)
    author: Author = "model"
    reason = "new"
    if revise:
        request, reason = with_feedback(request, *revise), f"{'revised' if revise[0] else FROM_WORDS}: {revise[1]}"
    elif failure:
        author, reason = "repair", f"repairs: {failure.message.splitlines()[0]}"
        failed = [v for v in case.shop.store.versions(case.call.key) if v.source == failure.code]
        before = failed[-1] if failed else before
    elif head:
        reason = f"extends v{head.entry.version.number}"
    request = replace(request, spec=case.spec or _shaped(case, request))
    draft = _written(case, request, failure, author, reason, before)
    for number in range(1, case.shop.settings.repairs + 1):
        if (again := _mended(case, request, draft, number)) is None:
            break
        draft = again
    return draft


def _mended(case: Case, request: Request, draft: Draft, tries: int) -> Draft | None:
    """A draft in the place of one that raised when it was tried; None where it did not, or no other can be had."""
    if not draft.error:
        return None
    failure = Failure(draft.code.source, draft.error, tries=tries)
    why = draft.error.splitlines()[0]
    case.tell(Event("repair", f"tried in isolation, {why}: it is written again before anybody is asked"))
    try:
        again = _written(case, request, _heard(case, failure), "repair", draft.why, draft.version)
    except (InvalidCode, PolicyError, ProviderError, BudgetExceeded) as error:
        case.tell(Event("warning", f"it was not written again: {error}"))
        return None
    judged(case, draft.version, "failed", draft.error)
    return again


def _written(
    case: Case, request: Request, failure: Failure | None, author: Author, reason: str, before: Version | None
) -> Draft:
    written = _write(case, request, failure)
    version = Version(
        case.call.key,
        written.code.source,
        written.code.unit,
        author,
        reason,
        parents=(before.number,) if before else (),
        premises=(*request.premises, *_asked(case, written.code.tree)),
        model=f"{written.model}{f' ({written.note})' if written.note else ''}",
        usage=written.usage,
        prompt_hash=written.prompt_hash,
        spec=request.spec,
    )
    version, found = stored(case, version), tried(case, written.code)
    if found.words:
        version = judged(case, version, "draft", found.words)
    return Draft(version, written.code, reason, found.words, found.error)


def _shaped(case: Case, request: Request) -> str:
    """The specification of a method by its call and the person's words; "" unless a person wants one for every call."""
    if case.shop.settings.shape != "always" or request.head:
        return ""
    words = request.feedback or f"{case.title}({request.shown})"
    return shaped(case, request, words).text


def shaped(case: Case, request: Request, words: str, scope: str = "") -> Shape:
    """What these words mean, of the method that the request names, or of all that they ask for."""
    settings = case.shop.settings
    with asking(case, f"specifies {case.title}", "shape") as provider:
        tries, templates = settings.generation_retries, settings.template_directory
        return shape(provider, request, words, tries, case.tell, scope, templates)


def wanted(case: Case) -> tuple[Request, Failure | None]:
    """What the writer is asked for this call as things stand, and the failure that it should learn from."""
    failure = case.shop.failures.get(case.call.key) or _failure(case)
    if failure:
        past = reversed(case.shop.store.versions(case.call.key))
        failed = sum(1 for _ in takewhile(lambda version: version.verdict == "failed", past))
        failure = replace(failure, tries=max(1, failed))
    head = case.identity.find(case.name)
    request = request_of(case)
    samples = case.shop.settings.samples != "none"
    if head and not failure:
        news = _news(case, head)[1] if samples else "a call of another kind"  # which constant equals a value tells it
        request = replace(request, head=head.code.source, changes=news, examples=_known(case) if samples else ())
    failure = _heard(case, failure) if failure and "failures" not in case.without else None
    return trimmed(request, case.without), failure


def _heard(case: Case, failure: Failure) -> Failure:
    """A failure as the writer may be told of it."""
    return failure if case.shop.settings.samples != "none" else failure.without_values()


def _known(case: Case) -> tuple[str, ...]:
    """The newest calls that the head answered; those that are kept as checks first."""
    found = [e for e in reversed(case.shop.store.examples(case.call.key)) if e.args and e.answer]
    return tuple(told(e).partition(" · ")[0] for e in sorted(found, key=lambda e: not e.kept)[:3])


def _failure(case: Case) -> Failure | None:
    """What another process, or yesterday's, learnt of code for the same call that raised."""
    last = _last(case)
    return Failure(last.source, last.note) if last is not None and last.verdict == "failed" else None


def _write(case: Case, request: Request, failure: Failure | None) -> Written:
    settings = case.shop.settings
    spec = replace(spec_of(case), helpers=request.helpers, refuse=refused(settings))
    tries, templates = settings.generation_retries, settings.template_directory
    with asking(case, f"writes {case.title}") as provider:
        written = write(provider, request, spec, tries, case.tell, failure, templates)
    if not request.spec:
        return written
    return replace(written, code=validate(documented(written.code.source, case.name, request.spec), spec))


def paid(
    case: Case, system: str, user: str, does: str = "names a method", tokens: int = 32, player: Provider | None = None
) -> str:
    """A short answer of the model, or of the `player` in its place, which is no code: its text."""
    with asking(case, f"{does} of {case.call.label}", "name", player) as provider:
        return provider.complete(Prompt(system, user, max_tokens=tokens), lambda text: None).text


def revised(case: Case, words: str) -> Draft:
    """A new version of the head as the person's words want it; the first one, where there is no head."""
    head = case.identity.find(case.name)
    if head is None:
        return new_draft(case, revise=("", words))
    return new_draft(case, revise=(head.code.source, words), parent=head.entry.version)


def edited(case: Case, draft: Version, source: str) -> Draft:
    """What the person typed in the review, as a version of their own."""
    code = validate(source, spec_of(case))
    require_policy(case.shop.settings, code)
    version = replace(
        draft,
        source=code.source,
        unit=code.unit,
        author="person",
        reason="edited in review",
        number=0,
        parents=(draft.number,) if draft.number else (),
        usage=Usage(),
        created="",
    )
    return Draft(stored(case, version), code, version.reason)


def stored(case: Case, version: Version) -> Version:
    """The version with its number; where it cannot be stored it lives in this process, and that is said."""
    try:
        case.shop.store.claim(version.key.identity, case.identity.label)
        return case.shop.store.add(version)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(version, number=len(case.shop.store.versions(version.key)) + 1)


def judged(case: Case, draft: Version, verdict: Standing, note: str = "") -> Version:
    """The version with a verdict; where that cannot be stored it lives in this process, and that is said."""
    try:
        return case.shop.store.judge(draft, verdict, note)
    except StoreError as error:
        case.tell(Event("warning", f"not stored: {error}"))
        return replace(draft, verdict=verdict, note=note)
