"""The clients: greenlets, threads, asyncio."""
