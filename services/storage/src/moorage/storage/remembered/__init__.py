"""What a process remembers of images, and how it knows that it may (architecture.md §6, decision 0013)."""
