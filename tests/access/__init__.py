"""The vocabulary of access: values, their spellings on the wire, and their grammar."""
