"""The ports in memory: the same promises without a database, for tests of everything above."""
