"""What is true: pure values and rules, without clock, dice or I/O."""
