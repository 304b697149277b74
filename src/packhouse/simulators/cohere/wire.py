"""Requests as Cohere's embed takes them; what it does not know it refuses."""

from typing import Literal

import msgspec

InputType = Literal["search_document", "search_query", "classification", "clustering", "image"]
EmbeddingType = Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]
Truncate = Literal["NONE", "START", "END", "LEFT", "RIGHT"]


class ImageUrl(msgspec.Struct, frozen=True):
    url: str
    detail: str | None = None


class Content(msgspec.Struct, frozen=True):
    type: Literal["text", "image_url"]
    text: str = ""
    image_url: ImageUrl | None = None


class Input(msgspec.Struct, frozen=True):
    content: list[Content]


class EmbedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str = ""
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[Input] | None = None
    input_type: InputType | None = None
    embedding_types: list[EmbeddingType] | None = None
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: Truncate | None = None
    priority: int | None = None
    stream: bool | None = None
