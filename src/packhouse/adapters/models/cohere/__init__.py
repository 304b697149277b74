"""Cohere's own API: embeddings of texts, images and both together."""
