"""Where people work: review in the terminal and in notebooks, `%agent`, the shell."""
