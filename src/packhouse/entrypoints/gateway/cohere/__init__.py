"""Cohere's dialect: embeddings."""
