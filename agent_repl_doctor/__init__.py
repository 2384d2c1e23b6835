"""What keeps a home sound: checks, repairs, sizes and pruning, by `agent-repl doctor`."""
