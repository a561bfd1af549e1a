"""What registry clients do with the product, one by one: docs/clients.md is what these tests saw."""
