"""The permissions service: authority facts, image records, credentials, and the one order of their changes."""
