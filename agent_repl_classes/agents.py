"""Methods of agents from words: what they ask for is found out, then each method is written as `%%agent` does."""

from __future__ import annotations

from agent_repl.agent import Agent
from agent_repl.errors import AgentError
from agent_repl.pipeline import case_for
from agent_repl.pipeline.case import request_of, spec_of
from agent_repl.pipeline.drafts import shaped
from agent_repl.pipeline.history import accepted_ahead
from agent_repl.pipeline.ledger import ledger
from agent_repl.pipeline.pinning import sync
from agent_repl.pipeline.policy import require_model
from agent_repl.pipeline.words import from_words

from .known import marked, written_for


def describe_agent(agent: Agent, words: str, scope: str) -> list[str]:
    """Have an agent's methods written by these words; their names. The same words again ask no model."""
    shop, identity = type(agent)._agent_repl_shop_, type(agent)._agent_repl_identity_
    if scope != "instance":
        raise AgentError(
            f'methods of {identity.label} are for all agents of its words, so there is no scope="{scope}": '
            "leave it out, or put the method on a class of your own, with @agentic above it"
        )
    identity.generation.share(make=False)  # the home may have been made since
    sync(identity)
    known = written_for(shop.store, identity.template, words)
    if known and all(identity.find(name) or accepted_ahead(identity, name) for name in known):
        return list(known)
    with ledger(f"{identity.label}: {words}", shop.log) as book:
        case = case_for(shop, identity, agent, "", (), {}, book, made=False)
        require_model(case)
        wanted = shaped(case, request_of(case), words).methods
    if taken := spec_of(case).state & {method.name for method in wanted}:
        raise AgentError(f"{min(taken)} is state of {identity.label}: say in your words what to call the method")
    for number, method in enumerate(wanted, 1):
        reason = marked(words, number, len(wanted))
        from_words(shop, identity, agent, method.name, reason, spec=method.text)
    return [method.name for method in wanted]
