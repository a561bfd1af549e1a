"""The peer: CNCF Distribution with token authentication, durable storage on disk and quiet logs."""
