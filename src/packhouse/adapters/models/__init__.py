"""Providers of language models and embeddings."""
