"""Who may do what with an image: the words, and the one rule that decides. Pure, no I/O."""
