"""The storage part of Moorage."""
