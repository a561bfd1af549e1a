"""The metadata stores in memory: what tests wire where PostgreSQL is not the point."""
