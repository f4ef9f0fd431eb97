"""Who may, and where it goes: the router, topics, sessions' own stores."""
