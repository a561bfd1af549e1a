"""Stories of users, told with real clients against the product as it is run."""
