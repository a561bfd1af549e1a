"""What keeps facts equal to their sources: authorities, snapshots, checksums, dead letters and their pins."""
