"""Measures the authorization core against the figures of authorization.md §3.9 (bench/README.md)."""
