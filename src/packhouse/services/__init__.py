"""What can be done: one class a noun, one method a verb, asynchronous only."""
