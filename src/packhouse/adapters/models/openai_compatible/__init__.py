"""Any server that speaks the OpenAI dialect: vLLM, Ollama, Azure, Mistral and others."""
