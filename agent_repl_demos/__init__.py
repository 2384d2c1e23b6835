"""Demos of agent_repl, each a module with a `main`; `agent-repl demo` runs the sales one."""
