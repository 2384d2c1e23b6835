"""Reference solutions, a module per family: a class per task, as a person would write it."""
