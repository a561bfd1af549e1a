"""Starts the real parts tests run against: servers, clients and the content they exchange."""
