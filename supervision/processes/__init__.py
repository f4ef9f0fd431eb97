"""An actor in an OS process of its own."""
