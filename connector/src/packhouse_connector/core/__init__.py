"""The connector without I/O: builds calls, reads answers, decides on retries. Transports carry them."""
