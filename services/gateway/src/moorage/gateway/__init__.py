"""The gateway part of Moorage."""
