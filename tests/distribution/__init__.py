"""Tests of the distribution API as HTTP, and what they share."""
