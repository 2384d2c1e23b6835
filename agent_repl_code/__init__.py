"""What written code is: its names, the hash of its syntax tree, and what it does with self. Knows of no agents."""
