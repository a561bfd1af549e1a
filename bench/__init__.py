"""Repeatable benchmarks: the product against Debian's docker-registry in the same run."""
