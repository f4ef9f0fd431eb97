"""One client as the server sees it, and how it comes back."""
