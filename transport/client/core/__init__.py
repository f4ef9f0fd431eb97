"""What a client knows, without a connection."""
