"""Servers that do next to nothing, to know what the building blocks cost on this machine in this hour."""
