"""What `moorage doctor` looks at: the server, the token protocol, the data folder, clients on this machine."""
