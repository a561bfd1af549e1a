"""The metadata stores in PostgreSQL, schema `storage`."""
