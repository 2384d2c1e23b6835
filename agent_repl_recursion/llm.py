"""What written code has as `self.llm`: questions about pieces of data that no prompt could hold as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from copy import deepcopy
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from typing import Any, Literal, NoReturn

from agent_repl.errors import AgentError, BudgetExceeded, PolicyError, UnaskedCall, unplaced
from agent_repl.modules.live import CALLS
from agent_repl.pipeline.asking import Held
from agent_repl.pipeline.ledger import Ledger, ledger, noted, running
from agent_repl_data.answers import filled, form

from .desk import Desk, desk_of
from .leaf import FOR_ALL, NOTHING, Question, Work

OnError = Literal["raise", "skip", "keep"]
_KEPT = "__agent_ledger__"
_LISTED = 50  # nodes of the tree below one; what is more is counted in that


@dataclass(frozen=True)
class Failed:
    """An item that has no answer: which, where, and why. It is no text, and neither true nor false."""

    item: Any = field(repr=False)
    position: int
    error_type: str
    message: str

    def __bool__(self) -> NoReturn:
        raise TypeError(f"item {self.position} has no answer ({self.message}): look for .error_type before its truth")


class Llm:
    """A model, asked from inside written code; each answer is remembered by model, prompt and schema.

    `schema` is bool, int, float, str, list[str], a tuple of texts to choose from, or a dict of these by name. All
    that one outermost call of written code sets in motion spends from one ledger, threads of `each` too; pinned and
    crystallized code has one for as long as its outermost method runs. Threads that such code starts by itself
    join the newest ledger that is open, and where none is they have one for each method that they call.
    """

    def __init__(self, session: Any, agent: Any) -> None:
        self._session, self._label = session, getattr(agent, "_agent_repl_label_", "agent")
        self.agent = session.agent  # a child: what it has written lies one level deeper, and it has the same store

    def ask(self, prompt: str, schema: Any = None) -> Any:
        """The answer to one question. Raises InvalidAnswer, BudgetExceeded, PolicyError or ProviderError."""
        __tracebackhide__ = True
        with self._work("ask") as work:
            question = work.question(str(prompt), schema)
            answer = work.remembered(question)
            answer = work.answer(question, work.reserve(question)) if answer is NOTHING else answer
            self._desk.tell(work, f"question {work.book.leaves}")
            return answer

    def each(
        self,
        items: Iterable[Any],
        prompt: str | Callable[[Any], str],
        schema: Any = None,
        width: int = 4,
        on_error: OnError = "raise",
    ) -> list[Any]:
        """The answers about items, in their order, `width` asked at a time.

        `prompt` stands below the item, or has {item} in it, or is a function of it. With `on_error` "raise" the first
        failure in order is raised, with "skip" such items are left out, with "keep" a Failed stands in their place.
        Raises BudgetExceeded with the answers so far as `.partial`, None for what was not asked. After that, or
        Ctrl-C, the same call asks only for the rest.
        """
        __tracebackhide__ = True
        if on_error not in ("raise", "skip", "keep") or width < 1:
            raise ValueError('on_error is "raise", "skip" or "keep", and width is 1 or more')
        found = list(items)
        form(schema)  # what is no schema is no failure of single items
        with self._work("each") as work:
            return Round(work, self._desk, found, on_error).run(prompt, schema, width)

    def reduce(self, items: Iterable[Any], prompt: str | Callable[[Any], str], fan_in: int = 20) -> str:
        """One answer out of many items: `fan_in` of them at a time ({items}), then their answers, until one is left."""
        __tracebackhide__ = True
        found = list(items)
        if lost := [item.position for item in found if isinstance(item, Failed)]:
            raise ValueError(f"item {lost[0]} has no answer: leave such items out")
        if not found or fan_in < 2:
            raise ValueError("reduce needs an item at least, and fan_in of 2 or more")
        title = f"{self._label}.llm.reduce"
        with ledger(title, self._session.shop.log, True, spare=self._spare()):
            while True:
                found = self.each([found[at : at + fan_in] for at in range(0, len(found), fan_in)], prompt)
                if len(found) == 1:
                    return str(found[0])

    @property
    def _desk(self) -> Desk:
        return desk_of(self._session)

    @contextmanager
    def _work(self, name: str) -> Iterator[Work]:
        """The work of one question, or of many, which have a node in the tree; what became of it is noted there."""
        shop, title = self._session.shop, f"{self._label}.llm.{name}"
        if shop.refuses:  # a draft is tried: nothing is asked
            raise UnaskedCall("it asks a model")
        provider = shop.provider()
        if shop.settings.samples == "none" and provider.host is not None:
            raise PolicyError(
                f"samples=none lets no data leave this machine, and self.llm would send some to {provider.host}: "
                f"set provider to `local`, or samples to `some`"
            )
        spare = self._spare()
        listed = len((running() or spare.tree).get("calls", ())) < _LISTED
        with ledger(title * (listed and name != "ask"), shop.log, True, spare=spare) as book:
            work = Work(shop, provider, book, self._desk.memo, title)
            self._desk.last = book
            try:
                yield work
            finally:
                noted(leaves=+work.counts, cost=work.cost)

    def _spare(self) -> Ledger:
        """The ledger of the outermost written frame on this stack, which keeps it as long as it runs."""
        frame, outermost = sys._getframe(1), None
        while frame is not None:
            if CALLS in frame.f_globals and frame.f_code.co_flags & CO_OPTIMIZED:
                outermost = frame
            frame = frame.f_back  # type: ignore[assignment]
        if outermost is None:
            return Ledger(log=self._session.shop.log, tree={"call": self._label})
        kept = outermost.f_locals.get(_KEPT)
        if kept is None:
            kept = Ledger(log=self._session.shop.log, tree={"call": f"{self._label}.{outermost.f_code.co_name}"})
            outermost.f_locals[_KEPT] = kept
        return kept


@dataclass
class Round:
    """One `each` on its way: answers by position, and what is asked at the moment."""

    work: Work
    desk: Desk
    items: list[Any]
    on_error: OnError
    answers: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, Exception] = field(default_factory=dict)
    flying: dict[Future[Any], tuple[str, list[int]]] = field(default_factory=dict)

    def run(self, prompt: str | Callable[[Any], str], schema: Any, width: int) -> list[Any]:
        pool = ThreadPoolExecutor(width, "agent_repl-leaf")
        try:
            for position, item in enumerate(self.items):
                if self._over:
                    break
                self._begin(pool, position, item, prompt, schema, width)
            while self.flying:
                self._land()
        except KeyboardInterrupt as stop:  # those that are on their way are remembered when they come
            pool.shutdown(wait=False, cancel_futures=True)
            words = f"{self._progress()} are answered: the same call asks only for the rest"
            raise unplaced(stop, words) from None
        pool.shutdown()
        self.desk.tell(self.work, self._progress(), done=True)
        return self._found()

    @property
    def _over(self) -> bool:
        return bool(self.errors) and (
            self.on_error == "raise" or any(isinstance(e, FOR_ALL) for e in self.errors.values())
        )

    def _begin(self, pool: Any, position: int, item: Any, prompt: Any, schema: Any, width: int) -> None:
        try:
            question = self.work.question(filled(prompt, item), schema)
            held = self._held(question, position, width)
        except Exception as error:
            self._failed([position], error)
            return
        if held is not None:
            future = pool.submit(copy_context().run, self.work.answer, question, held)
            self.flying[future] = question.key, [position]

    def _held(self, question: Question, position: int, width: int) -> Held | None:
        """What is held back for a question; None where it needs none, or where it is not to be asked any more.

        It is held in the order of the items, so that a limit always leaves out the last ones.
        """
        while True:
            for key, positions in self.flying.values():
                if key == question.key:
                    positions.append(position)
                    return None
            if (answer := self.work.remembered(question)) is not NOTHING:
                self.answers[position] = answer
                return None
            if len(self.flying) < width:
                return None if self._over else self.work.reserve(question)
            self._land()

    def _land(self) -> None:
        """Wait for an answer."""
        done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
        for future in done:
            _, positions = self.flying.pop(future)
            if (error := future.exception()) is None:
                self.answers.update({each: deepcopy(future.result()) for each in positions})
                self.work.count(memo=len(positions) - 1)
            elif isinstance(error, Exception):
                self._failed(positions, error)
            else:
                raise error
        self.desk.tell(self.work, self._progress())

    def _failed(self, positions: list[int], error: Exception) -> None:
        self.errors.update(dict.fromkeys(positions, error))
        self.work.count(failed=len(positions) * (not isinstance(error, FOR_ALL)))

    def _progress(self) -> str:
        return f"{len(self.answers) + len(self.errors)} of {len(self.items)}"

    def _found(self) -> list[Any]:
        """All answers in order; raises what stops them."""
        stop = next((error for _, error in sorted(self.errors.items()) if isinstance(error, FOR_ALL)), None)
        if isinstance(stop, BudgetExceeded):
            there = f"{len(self.answers)} of {len(self.items)} are answered (.partial)"
            limit = BudgetExceeded(f"{stop}\n{there}: the same call asks only for the rest")
            limit.partial = [self._at(position) for position in range(len(self.items))]
            raise limit from stop
        if stop or (self.errors and self.on_error == "raise"):
            raise stop or min(self.errors.items())[1]
        wanted = self.answers if self.on_error == "skip" else range(len(self.items))
        return [self._at(position) for position in sorted(wanted)]

    def _at(self, position: int) -> Any:
        error = self.errors.get(position)
        if error is None or isinstance(error, FOR_ALL):
            return self.answers.get(position)
        kind = error.error_type if isinstance(error, AgentError) else "execution"
        return Failed(self.items[position], position, kind, f"{type(error).__name__}: {error}")
