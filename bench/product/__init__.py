"""The product as it is shipped: `moorage serve`, authorization and audit on, its embedded PostgreSQL counted."""
