"""Any server that speaks OpenAI's chat completions and embeddings: vLLM, Ollama, Azure, Mistral, OpenAI."""
