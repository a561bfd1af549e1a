"""From a record to `docs/performance.md` and its chart. Pure."""
