"""The OpenAI dialect: chat completions, embeddings, models."""
