"""The tests: one folder a floor, stories across them, and the house rules."""
