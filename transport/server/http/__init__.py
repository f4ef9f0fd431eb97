"""The server's end of a line over plain HTTP."""
