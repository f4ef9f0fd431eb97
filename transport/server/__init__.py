"""The server's end of a connection."""
