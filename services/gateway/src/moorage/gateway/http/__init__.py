"""What the gateway serves: the gate of the distribution API, the token endpoint, the management API."""
