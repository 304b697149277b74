"""What a request asks, as far as an answer depends on it: the same for every provider's dialect."""

from typing import Any, Literal

import msgspec

ANY_TOOL = "*"


class Tool(msgspec.Struct, frozen=True):
    """A tool that the caller offers; `schema` is the JSON schema of its arguments."""

    name: str
    schema: Any = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `must_call`: a tool's name, `*` for any of them, empty where the model may choose.

    `cached_tokens` of the input stand before the last cache mark, and `cached_prefix` is what they were.
    """

    model: str
    text: str
    input_tokens: int
    kind: Literal["chat", "embeddings"] = "chat"
    streams: bool = False
    output_tokens_max: int | None = None
    stops: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    must_call: str = ""
    wants_json: bool = False
    schema: Any = None
    cached_tokens: int = 0
    cached_prefix: bytes = b""
