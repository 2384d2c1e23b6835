"""Scripts that measure; none of it ships in the wheel."""
