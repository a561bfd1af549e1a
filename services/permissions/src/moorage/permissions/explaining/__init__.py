"""Explanations: why, who, what, what has changed, and what a change would do (authorization.md §4)."""
