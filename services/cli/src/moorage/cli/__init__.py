"""The cli part of Moorage."""
