"""Where what is learnt is kept."""
