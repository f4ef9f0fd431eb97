"""What several tests need and no program does."""
