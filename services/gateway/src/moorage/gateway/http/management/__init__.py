"""The management API (`/api/v1`): image records, personal tokens, decisions and their reasons."""
