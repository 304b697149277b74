"""Anthropic's dialect: messages, counting of tokens, models."""
