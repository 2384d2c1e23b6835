"""A process whose model takes its time: it calls one method of an agent once and says what came of it.

    flight_driver.py HOME METHOD ARGUMENT NAME

The model leaves a file `NAME.asked` beside the home when it is asked, and answers when there is a file `go`. On
standard output come "ready" once the session is open, then, after a line on standard input, the answer as JSON.
"""

import json
import sys
import time
from pathlib import Path

from agent_repl import ScriptedProvider, open_session

CODE = {
    "double": "def double(self, n):\n    return n * 2\n",
    "fact": "def fact(self, n):\n    return 1 if n < 2 else n * self.fact(n - 1)\n",
}


def main():
    home, method, argument, name = sys.argv[1:]
    folder = Path(home).parent

    def reply(prompt):
        asked = len(list(folder.glob(f"{name}.asked*")))
        (folder / f"{name}.asked{asked}").touch()
        wait_for(folder / "go")
        return f"```python\n{CODE[method]}```"

    session = open_session(home, provider=ScriptedProvider(reply), review="auto")
    agent = session.agent("calculator")
    print("ready", flush=True)
    sys.stdin.readline()
    outcome = session.call(agent, method, int(argument))
    print(json.dumps([outcome.value, repr(outcome.error), outcome.usage.calls]), flush=True)


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


if __name__ == "__main__":
    main()
