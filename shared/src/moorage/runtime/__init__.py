"""What every process of ours runs on: settings, logging, HTTP, lifecycle, clock, PostgreSQL. Nothing of the domain."""
