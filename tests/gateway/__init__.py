"""The gateway: what it decides, what it says, and how it keeps up."""
