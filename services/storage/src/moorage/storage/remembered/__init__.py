"""What a process remembers of images, and how it knows that it may (storage.md §7, decision 0013)."""
