"""The internal listener: facts in, decisions, snapshots and the change stream out."""
