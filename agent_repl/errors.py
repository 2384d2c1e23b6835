"""Everything that can go wrong, as one tree: catch AgentError to catch us.

What written code raises is never wrapped: it reaches the caller as itself, with its own traceback.
`error_type` is the word that an `Outcome` carries for each.
"""

from __future__ import annotations


class AgentError(Exception):
    """The root of all errors that agent_repl raises on its own behalf."""

    error_type = "execution"

    def _render_traceback_(self) -> list[str]:
        """IPython prints these lines in place of a traceback through our frames."""
        return [f"{type(self).__name__}: {self}"]


class ProviderError(AgentError):
    """No answer came from the model."""

    error_type = "provider"


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


class ProviderTimeout(ProviderError):
    """No text arrived in time."""

    error_type = "timeout"


class ReplyCut(ProviderError):
    """The reply ended before it was whole; `.text` holds what arrived."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class ModelUnavailable(ProviderError):
    """The local model's file is missing, damaged or cannot be fetched."""


class GenerationError(AgentError):
    """Every try failed; `.attempts` holds the errors of the tries, oldest first."""

    error_type = "generation"

    def __init__(self, message: str, attempts: tuple[AgentError, ...] = ()) -> None:
        super().__init__(message)
        self.attempts = attempts


class InvalidCode(GenerationError):
    """One reply broke one rule: its text is written for the model to read.

    `.rule` names the check, `.line` the line of `.code` (0 when there is none), `.attempt` the try (from 1).
    """

    error_type = "invalid_code"

    def __init__(self, message: str, rule: str, code: str = "", line: int = 0, attempt: int = 0) -> None:
        super().__init__(message)
        self.rule = rule
        self.code = code
        self.line = line
        self.attempt = attempt


class PolicyError(AgentError):
    """The policy refuses this code."""

    error_type = "policy"


class UnaskedCall(AgentError, TypeError):
    """A library or a tool asked for a name that nobody wrote."""

    error_type = "policy"


class BudgetExceeded(AgentError):
    """A limit of depth, calls or money was reached."""

    error_type = "budget_exceeded"


class Rejected(AgentError):
    """The person said no; the draft is kept."""

    error_type = "rejected"


class ReviewRequired(AgentError):
    """Code waits for a person, and none can answer here."""

    error_type = "review_required"


class CacheMiss(AgentError):
    """No accepted code fits, and the mode forbids asking a model."""

    error_type = "cache_miss"


class StoreError(AgentError):
    """The home's store cannot be read or written."""


class ModuleError(AgentError):
    """A module file cannot be written, read or trusted."""
