"""What code touches, and a child process that the operating system keeps within bounds."""
