"""The neutral embeddings call: texts in, vectors out."""

from typing import Literal

from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens

InputType = Literal["search_document", "search_query", "classification", "clustering"]
"""Cohere's words; a model that makes no difference ignores them."""


class EmbedRequest(Content, frozen=True, kw_only=True):
    """`texts` are embedded in order; `dimensions` None means the model's default."""

    model: str
    texts: tuple[str, ...]
    input_type: InputType = "search_document"
    dimensions: int | None = None


class EmbedAnswer(Content, frozen=True):
    """One vector (float32, not necessarily of length 1) for each text, in order.

    `vectors` holds little-endian float32 bytes, one entry a text: compact, and what base64 answers need.
    `tokens` is what the provider reported, None where it reported nothing.
    """

    vectors: tuple[bytes, ...]
    dimensions: int
    tokens: ModelTokens | None
