"""Every prompt passes here: what it may cost is held back before it is sent, what it did cost is put down after."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from agent_repl_bounds.budget import hold, most_tokens, pay

from ..errors import BudgetExceeded, ProviderTimeout, ReplyCut, unplaced
from ..protocols import Provider
from ..records import Event, Prompt, Reply, Usage
from .case import Case, Workshop
from .ledger import Ledger, noted


@contextmanager
def asking(case: Case, what: str, stage: str = "write", player: Provider | None = None) -> Iterator[Provider]:
    """The provider, or another one, each prompt within the budget, while the person is told what it does."""
    provider = case.shop.provider(player)
    case.tell(Event("writing", " ".join(dict.fromkeys((provider.name, provider.model, what)))))
    try:
        with case.book.timed(stage):
            yield _Counted(provider, case, stage)
    except KeyboardInterrupt as stop:
        raise unplaced(stop, "nothing was run") from None
    finally:
        case.tell(Event("written", ""))


class Held(NamedTuple):
    """What is held back for one prompt: its price, None where that is not known, and its tokens."""

    price: float | None
    tokens: int


def reserved(
    shop: Workshop, book: Ledger, provider: Provider, prompt: Prompt, stage: str, tell: Callable[[Event], None]
) -> Held:
    """Hold back what the answer may cost; raises BudgetExceeded where a limit could be passed by it."""
    price, tokens = provider.most(prompt), most_tokens(f"{prompt.system}{prompt.user}", prompt.max_tokens)
    if price is None and provider.model not in shop.unpriced:
        shop.unpriced.add(provider.model)
        tell(Event("warning", f"the price of {provider.model} is unknown: max_cost does not stop it"))
    if why := hold(book, shop.account, shop.settings, price or 0.0, stage, tokens):
        raise BudgetExceeded(why)
    return Held(price, tokens)


def counted(
    shop: Workshop,
    book: Ledger,
    provider: Provider,
    prompt: Prompt,
    stage: str,
    held: Held,
    on_text: Callable[[str], None],
    note: Callable[[str, Usage], None],
) -> Reply:
    """The provider's reply, paid for; one that was broken off is taken to have cost what it could.

    `note` is given what was said, and what that cost, whatever becomes of it.
    """
    said, began, usage = list[str](), time.monotonic(), Usage()

    def heard(text: str) -> None:
        said.append(text)
        on_text(text)

    try:
        reply = provider.complete(prompt, heard)
        usage = reply.usage
        return reply
    except BaseException as error:
        if said or isinstance(error, ReplyCut | ProviderTimeout | KeyboardInterrupt):
            usage = Usage(calls=1, seconds=time.monotonic() - began, cost=held.price)
        raise
    finally:
        pay((book, shop.account), stage, held.price or 0.0, usage, held.tokens)
        note("".join(said), usage)


class _Counted(Provider):
    def __init__(self, provider: Provider, case: Case, stage: str) -> None:
        self.name, self.model, self.host = provider.name, provider.model, provider.host
        self._provider, self._case, self._stage = provider, case, stage

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """The provider's reply, counted."""
        case, provider = self._case, self._provider
        held = reserved(case.shop, case.book, provider, prompt, self._stage, case.tell)
        return counted(case.shop, case.book, provider, prompt, self._stage, held, on_text, partial(self._note, prompt))

    def _note(self, prompt: Prompt, said: str, usage: Usage) -> None:
        tokens = +Counter({name[:-7]: n for name, n in vars(usage).items() if name.endswith("_tokens")})
        about = {"stage": self._stage, "tokens": tokens, "seconds": round(usage.seconds, 3)}
        noted(tokens=tokens, cost=usage.cost, attempts=[about])
        sent = {"model": self.model, "system": prompt.system, "user": prompt.user, "reply": said}
        self._case.shop.log.put("prompt", event="prompt", call=self._case.title, stage=self._stage, **sent)
