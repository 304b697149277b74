"""Anthropic's API: messages, token counts, models; its body and events are Bedrock's InvokeModel for Claude too."""
