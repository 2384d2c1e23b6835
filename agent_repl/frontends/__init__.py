"""Where people work: terminal, notebook, magics."""
