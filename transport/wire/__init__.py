"""The protocol, for both ends. Pure."""
