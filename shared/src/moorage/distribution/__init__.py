"""The distribution API as HTTP, both sides: paths, headers, errors, the handlers that serve it, the client."""
