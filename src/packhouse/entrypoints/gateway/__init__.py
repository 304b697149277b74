"""The application side: OpenAI dialect and the knowledge API."""
