"""Everything that can go wrong, as one tree: catch AgentError to catch us.

What written code raises is never wrapped: it reaches the caller as itself, with its own traceback.
`error_type` is the word that an `Outcome` carries for each.
"""

from __future__ import annotations

from collections.abc import Sequence


class AgentError(Exception):
    """The root of all errors that agent_repl raises on its own behalf."""

    error_type = "execution"

    def __init_subclass__(cls, error_type: str = "") -> None:
        cls.error_type = error_type or cls.error_type

    def _render_traceback_(self) -> list[str]:
        """IPython prints these lines in place of a traceback through our frames."""
        return [f"{type(self).__name__}: {self}"]


def unplaced(stop: KeyboardInterrupt, words: str) -> KeyboardInterrupt:
    """The same, of which IPython says these words: where of ours it met us tells a person nothing."""
    stop._render_traceback_ = lambda: [f"KeyboardInterrupt: {words}"]  # type: ignore[attr-defined]
    return stop


class ProviderError(AgentError, error_type="provider"):
    """No answer came from the model."""


class NoProvider(ProviderError):
    """Nothing is configured that could write code: no key, no server, no local model."""


class AuthenticationFailed(ProviderError):
    """The host refused the key."""


class RateLimited(ProviderError):
    """The host asks for fewer requests; says when to try again if the host did."""


class Overloaded(ProviderError):
    """The host is busy (529, 5xx, a model that is still loading)."""


class Unreachable(ProviderError):
    """Nobody listens at the address."""


class ProviderTimeout(ProviderError, error_type="timeout"):
    """No text arrived in time."""


class ReplyCut(ProviderError):
    """The reply ended before it was whole; `.text` holds what arrived."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class ModelUnavailable(ProviderError):
    """The local model's file is missing, damaged or cannot be fetched."""


class GenerationError(AgentError, error_type="generation"):
    """Every try failed; `.attempts` holds the errors of the tries, oldest first."""

    def __init__(self, message: str, attempts: tuple[AgentError, ...] = ()) -> None:
        super().__init__(message)
        self.attempts = attempts


class InvalidCode(GenerationError, error_type="invalid_code"):
    """One reply broke one `.rule`, at a `.line` of its `.code` (0: none), in a try (`.attempt`); the model reads it."""

    def __init__(self, message: str, rule: str, code: str = "", line: int = 0, attempt: int = 0) -> None:
        super().__init__(message)
        self.rule, self.code, self.line, self.attempt = rule, code, line, attempt

    @property
    def stage(self) -> str:
        """Where it was refused: shape, generate (the reply itself), sanitize (no code in it) or validate."""
        return _STAGES.get(self.rule, "validate")


_STAGES = {"shape": "shape", "cut": "generate", "loops": "generate", "unchanged": "generate"}
_STAGES |= dict.fromkeys(("empty", "prose", "language", "parse"), "sanitize")


class PolicyError(AgentError, error_type="policy"):
    """The policy refuses this code; `advice` says what a person can do about it."""

    advice = "Ask for it in another way, or change the settings `refuse` and `policy` (with inform you are asked)."


class UnaskedCall(AgentError, TypeError, error_type="policy"):
    """A library or a tool asked for a name that nobody wrote."""


class BudgetExceeded(AgentError, error_type="budget_exceeded"):
    """A limit was reached; `.attempts` holds what was refused before and is paid for, `.partial` answers by position.

    What was not asked is None there.
    """

    attempts: tuple[AgentError, ...] = ()
    partial: Sequence[object] = ()


class Rejected(AgentError, error_type="rejected"):
    """The person said no; the draft is kept."""


class ReviewRequired(AgentError, error_type="review_required"):
    """Code waits for a person, and none can answer here."""


class CacheMiss(AgentError, error_type="cache_miss"):
    """No accepted code fits, and the mode forbids asking a model."""


class ExecutorError(AgentError, error_type="execution"):
    """The place where code is to run cannot do this, or the code ended it; what was there before the call is back."""


class StoreError(AgentError):
    """The home's store cannot be read or written."""


class ModuleError(AgentError):
    """A module file cannot be written, read or trusted."""
