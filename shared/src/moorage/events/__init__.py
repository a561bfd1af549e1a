"""The event contracts: CloudEvents envelope, the facts that come in, and the topics they travel on."""
