"""How good the written code is: tasks with hidden checks, and the arms that try to solve them."""
