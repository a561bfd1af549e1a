"""Storage on the internal network: the distribution API keyed by image UUID, and what it has no words for."""
