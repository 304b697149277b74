"""Anthropic's own API: messages, whole and streamed, the count of their tokens, and relayed bodies."""
