"""Demos of agent_repl, each a module with a `main`; `agent-repl demo NAME` runs one, `stage` is what they share."""
