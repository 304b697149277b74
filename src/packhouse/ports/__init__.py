"""What we need from the world: protocols only."""
