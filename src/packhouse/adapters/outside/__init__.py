"""Clock, ids and other dice."""
