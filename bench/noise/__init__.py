"""Eight noises of one client, and what 200 others hear of them: ``python -m bench.noise``."""
