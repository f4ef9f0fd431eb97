"""One target: its order, its store, and who hears it."""
