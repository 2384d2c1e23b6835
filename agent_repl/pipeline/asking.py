"""Every prompt passes here: what it may cost is held back before it is sent, what it did cost is put down after."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent_repl_bounds.budget import hold, most_tokens, pay

from ..errors import BudgetExceeded, ProviderTimeout, ReplyCut, unplaced
from ..protocols import Provider
from ..records import Event, Prompt, Reply, Usage
from .case import Case
from .ledger import noted


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


class _Counted(Provider):
    def __init__(self, provider: Provider, case: Case, stage: str) -> None:
        self.name, self.model, self.host = provider.name, provider.model, provider.host
        self._provider, self._case, self._stage = provider, case, stage

    def complete(self, prompt: Prompt, on_text: Callable[[str], None]) -> Reply:
        """The provider's reply, counted; one that was broken off is taken to have cost what it could."""
        tokens = most_tokens(f"{prompt.system}{prompt.user}", prompt.max_tokens)
        said, began, usage, price = list[str](), time.monotonic(), Usage(), self._held(prompt, tokens)

        def heard(text: str) -> None:
            said.append(text)
            on_text(text)

        try:
            reply = self._provider.complete(prompt, heard)
            usage = reply.usage
            return reply
        except BaseException as error:
            if said or isinstance(error, ReplyCut | ProviderTimeout | KeyboardInterrupt):
                usage = Usage(calls=1, seconds=time.monotonic() - began, cost=price)
            raise
        finally:
            pay((self._case.book, self._case.shop.account), self._stage, price or 0.0, usage, tokens)
            self._note(prompt, "".join(said), usage)

    def _held(self, prompt: Prompt, tokens: int) -> float | None:
        case, shop, price = self._case, self._case.shop, self._provider.most(prompt)
        if price is None and self.model not in shop.unpriced:
            shop.unpriced.add(self.model)
            case.tell(Event("warning", f"the price of {self.model} is unknown: max_cost does not stop it"))
        if why := hold(case.book, shop.account, shop.settings, price or 0.0, self._stage, tokens):
            raise BudgetExceeded(why)
        return price

    def _note(self, prompt: Prompt, said: str, usage: Usage) -> None:
        tokens = +Counter({name[:-7]: n for name, n in vars(usage).items() if name.endswith("_tokens")})
        about = {"stage": self._stage, "tokens": tokens, "seconds": round(usage.seconds, 3)}
        noted(tokens=tokens, cost=usage.cost, attempts=[about])
        sent = {"model": self.model, "system": prompt.system, "user": prompt.user, "reply": said}
        self._case.shop.log.put("prompt", event="prompt", call=self._case.title, stage=self._stage, **sent)
