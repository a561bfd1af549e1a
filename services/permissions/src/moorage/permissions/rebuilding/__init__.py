"""Rebuilding an empty ledger in bulk: edges past the change log, everything else as always, one change in the end."""
