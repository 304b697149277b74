"""Text out of files, and splitting it."""
