"""What every transport has to promise, asked of each in the same words."""
