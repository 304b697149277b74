"""What a call consumed."""

import msgspec


class Usage(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Model tokens that a call consumed. Usages add up with `+`.

    `input_tokens` is all that the model read; `cache_read_tokens` is the part of it that came from a cache.
    `embeddings_input_tokens` is what a chat spent on the embeddings pack to look into knowledge bases.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    embeddings_input_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.embeddings_input_tokens + other.embeddings_input_tokens,
        )
