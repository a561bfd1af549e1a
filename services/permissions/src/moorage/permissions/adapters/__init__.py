"""What connects the service to other systems: Kafka, and files that hold secrets."""
