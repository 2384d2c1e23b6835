"""Where written code runs."""
