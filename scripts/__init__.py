"""What `make` calls: checks, the demo, a local model server."""
