"""The same small question in each dialect, as a client asks it: of the gateway, or of a provider itself."""

import json
from dataclasses import dataclass
from typing import Any

QUESTION = "Say hello, please."


@dataclass(frozen=True, slots=True)
class Dialect:
    """`key_header` carries the key, after `key_prefix`. `last_words` stand at the end of a whole stream alone."""

    name: str
    path: str
    stream_path: str
    key_header: str
    key_prefix: str
    fields: dict[str, Any]
    stream_fields: dict[str, Any]
    last_words: bytes

    def headers(self, key: str) -> dict[str, str]:
        named = {"anthropic-version": "2023-06-01"} if self.name == "anthropic" else {}
        return {"content-type": "application/json", self.key_header: self.key_prefix + key, **named}

    def body(self, question: str = QUESTION, *, stream: bool = False) -> str:
        content = [{"text": question}] if self.name == "bedrock" else question
        fields = self.fields | {"messages": [{"role": "user", "content": content}]}
        return json.dumps(fields | (self.stream_fields if stream else {}))


OPENAI = Dialect(
    name="openai",
    path="/v1/chat/completions",
    stream_path="/v1/chat/completions",
    key_header="authorization",
    key_prefix="Bearer ",
    fields={"model": "default", "max_tokens": 64},
    stream_fields={"stream": True, "max_tokens": 512},
    last_words=b"data: [DONE]",
)
ANTHROPIC = Dialect(
    name="anthropic",
    path="/v1/messages",
    stream_path="/v1/messages",
    key_header="x-api-key",
    key_prefix="",
    fields={"model": "default", "max_tokens": 64},
    stream_fields={"stream": True, "max_tokens": 512},
    last_words=b"message_stop",
)
BEDROCK = Dialect(
    name="bedrock",
    path="/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
    stream_path="/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
    key_header="authorization",
    key_prefix="Bearer ",
    fields={"inferenceConfig": {"maxTokens": 64}},
    stream_fields={"inferenceConfig": {"maxTokens": 512}},
    last_words=b"messageStop",
)
