"""How we reach the world: one library a room."""
