"""`python -m agent_repl` is `agent-repl`."""

from .cli import main

raise SystemExit(main())
