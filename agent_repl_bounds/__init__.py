"""What code touches, a child process that the operating system keeps within bounds, and what may be spent."""
