"""The composition: books, tree, server."""
