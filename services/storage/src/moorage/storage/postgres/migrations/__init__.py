"""The numbered files that make the schema `storage`."""
