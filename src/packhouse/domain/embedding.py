"""The neutral embeddings call: texts, images or both together in, vectors out."""

from typing import Literal

from packhouse.domain.chat_part import Image, Text
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens

InputType = Literal["search_document", "search_query", "classification", "clustering", "image"]
"""Cohere's words; a model that makes no difference ignores them."""

VectorType = Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]
"""How a vector's numbers come: `binary` and `ubinary` hold eight dimensions in a byte, signed or not."""

Truncate = Literal["", "none", "start", "end"]
"""Where a text that is too long is cut; empty: the provider's default."""


class EmbedInput(Content, frozen=True):
    """What one vector is made of: texts and images together."""

    parts: tuple[Text | Image, ...]


Embeddable = str | tuple[int, ...] | EmbedInput
"""A text, a text as a tokenizer's numbers (providers that know the tokenizer take them), or parts."""


class EmbedRequest(Content, frozen=True, kw_only=True):
    """`inputs` are embedded in order; `dimensions` None means the model's default. `types` are never empty.

    `input_tokens_max`: each input is cut to so many tokens, as `truncate` says; None: to what the model takes.
    """

    model: str
    inputs: tuple[Embeddable, ...]
    input_type: InputType = "search_document"
    dimensions: int | None = None
    types: tuple[VectorType, ...] = ("float",)
    truncate: Truncate = ""
    input_tokens_max: int | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The inputs of a call that has texts alone; a part of another kind is a broken promise."""
        assert all(isinstance(each, str) for each in self.inputs), "the caller looked at `only_texts`"
        return tuple(each for each in self.inputs if isinstance(each, str))

    @property
    def only_texts(self) -> bool:
        return all(isinstance(each, str) for each in self.inputs)


class TypedVectors(Content, frozen=True):
    """The vectors of one further type, in order: packed signed (`int8`, `binary`) or unsigned bytes."""

    type: VectorType
    vectors: tuple[bytes, ...]


class EmbedAnswer(Content, frozen=True):
    """One vector (float32, not necessarily of length 1) for each input, in order.

    `vectors` holds little-endian float32 bytes, one entry an input: compact, and what base64 answers need. It is empty
    where `float` and `base64` were not asked for; other types are in `typed`. `tokens` is what the provider reported,
    None where it reported nothing; `image_tokens` is how many of its input tokens were images.
    """

    vectors: tuple[bytes, ...]
    dimensions: int
    tokens: ModelTokens | None
    typed: tuple[TypedVectors, ...] = ()
    image_tokens: int = 0
