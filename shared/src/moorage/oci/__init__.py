"""The OCI specifications' values: digests, names, descriptors, manifests, byte ranges, error codes. Pure, no I/O."""
