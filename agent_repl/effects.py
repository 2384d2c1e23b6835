"""What code touches, as facts with lines for the person who reviews it.

`effects(code)` gives the facts, each an `Effect`; `parse(source)` is the syntax tree that they are read from; `KINDS`
are the kinds that may be flagged. What is covered is said in `agent_repl_bounds.effects`, where they are at home.
"""

from agent_repl_bounds.effects import KINDS, effects, parse
from agent_repl_bounds.records import Effect

__all__ = ["KINDS", "Effect", "effects", "parse"]
