"""PostgreSQL behind the ports: one schema, SQL beside the functions that run it."""
