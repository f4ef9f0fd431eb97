"""Looking at a running server: its live tree, its inspector, its hub."""
