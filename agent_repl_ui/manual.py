"""What a row of the table of verbs is, and the help that the rows make."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MODES = {
    "ask": "new code runs after you have seen and accepted it",
    "auto": "new code runs at once; flagged code still asks",
    "later": "new code is written and never run: it waits for %agent review",
    "cached": "no model is asked: only accepted code runs",
}

_MANUAL = """\
Make, show and keep agents. %agent alone lists them, with their methods, tiers and cost.

{verbs}

%agent help VERB says more about one, as do %agent VERB ? and %agent VERB --help. Besides:
  %%agent AGENT.METHOD           write the method now from the words, and doctest examples, of the cell
  %%agent --code AGENT.METHOD    check the code of the cell, and pin it
  NAME = %agent "WORDS"          an agent of these words; a file that they name is its path

What a call will run:
  NEW            nothing yet: calling it asks the model, and what it writes is reviewed
  CHANGED        code that was written again, for a new kind of call, by your words, or after a failure
  CACHED         accepted code, for the kinds of calls that it is known to fit
  CRYSTALLIZED   the same after some runs: a real function that checks its arguments
  PINNED         a plain method in a file of yours; the model never replaces it

Who looks at new code (%agent review MODE, or AGENT_REPL_REVIEW):
{modes}

As in:
  %agent create sales "CSV data analyst for {{path}}" path=sales.csv
  %agent show sales.top_sellers --prompt n=3
  %agent revise sales.top_sellers leave out cancelled orders
%config AgentMagics lists the settings; c.AgentMagics.show = "line" in IPython's configuration sets one for good."""


@dataclass(frozen=True)
class Verb:
    """One row: what `%agent NAME WORDS` takes, what it runs, and how it is explained and completed."""

    name: str
    words: str  # as usage shows them
    about: str
    run: Callable[..., str]  # with the person's names and the words; options come as keywords
    completes: tuple[str, ...] = ()  # what each word may be, see `complete`; "text" is all the rest, as it was typed
    options: tuple[str, ...] = ()  # "--deep", or "--wraps NAME" that takes a word

    @property
    def usage(self) -> str:
        """The whole line, as in `%agent undo AGENT.METHOD [N]`."""
        return f"%agent {self.name} {self.words}".rstrip()


def manual(verbs: Iterable[Verb]) -> str:
    """What `%agent?` and `%agent help` say."""
    rows = (f"  {verb.usage:<52}  {verb.about}" for verb in verbs)
    modes = "\n".join(f"  {mode:<8}{about}" for mode, about in MODES.items())
    return _MANUAL.format(verbs="\n".join(rows), modes=modes)
