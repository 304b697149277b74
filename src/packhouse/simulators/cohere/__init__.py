"""Cohere's API: embed, in both versions; its body is Bedrock's InvokeModel for Cohere Embed too."""
