"""What code touches, as facts with lines for the person who reviews it.

`effects(code)` gives the facts, each an `Effect`; `parse(source)` is the syntax tree that they are read from. What is
covered, and what is not, is said in `agent_repl_bounds.effects`, where they are at home.
"""

from agent_repl_bounds.effects import effects, parse
from agent_repl_bounds.records import Effect

__all__ = ["Effect", "effects", "parse"]
