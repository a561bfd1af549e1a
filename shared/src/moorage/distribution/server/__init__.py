"""The serving side: one module per resource, each handler parses, asks the gate, asks the content, writes headers."""
