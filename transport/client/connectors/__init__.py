"""How a client's frames come and go."""
