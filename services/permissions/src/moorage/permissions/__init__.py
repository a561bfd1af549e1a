"""The permissions part of Moorage."""
