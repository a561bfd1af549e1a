"""The other services, reached over HTTP."""
