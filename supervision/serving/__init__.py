"""Serving: one process, or several workers."""
