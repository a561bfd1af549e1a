"""The standalone part of Moorage."""
