"""Attacks on the running product, as somebody makes them who builds registries (reliability.md §5)."""
