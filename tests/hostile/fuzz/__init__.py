"""Thousands of inputs that nobody thought of, sent to the running product (reliability.md §3 "Bad inputs")."""
