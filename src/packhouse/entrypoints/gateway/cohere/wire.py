"""The dialect's bodies as clients send them and read them. Names are the wire's; unknown fields are passed over."""

from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.embedding import InputType, VectorType

# what we get


class WireUrl(Content, frozen=True):
    url: str


class WirePart(Content, frozen=True):
    """`text` or `image_url`; anything else is refused by name."""

    type: str
    text: str = ""
    image_url: WireUrl | None = None


class WireInput(Content, frozen=True):
    content: list[WirePart]


class EmbedBody(Content, frozen=True):
    """Of both versions: the older one's clients send fewer fields."""

    model: str | None = None
    input_type: InputType | None = None
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[WireInput] | None = None
    embedding_types: list[VectorType] | None = None
    output_dimension: int | None = None
    truncate: Literal["NONE", "START", "END", "LEFT", "RIGHT"] | None = None
    max_tokens: int | None = None


# what we send

Rows = tuple[list[int], ...]


class OutVersion(msgspec.Struct, frozen=True):
    version: str


class OutUnits(msgspec.Struct, frozen=True):
    input_tokens: int
    image_tokens: int


class OutMeta(msgspec.Struct, frozen=True):
    api_version: OutVersion
    billed_units: OutUnits


class OutVectors(Content, frozen=True, kw_only=True, rename={"floats": "float"}):
    """Only what was asked for is there."""

    floats: tuple[list[float], ...] | msgspec.UnsetType = msgspec.UNSET
    int8: Rows | msgspec.UnsetType = msgspec.UNSET
    uint8: Rows | msgspec.UnsetType = msgspec.UNSET
    binary: Rows | msgspec.UnsetType = msgspec.UNSET
    ubinary: Rows | msgspec.UnsetType = msgspec.UNSET
    base64: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class OutEmbeddings(Content, frozen=True, kw_only=True):
    id: str
    response_type: Literal["embeddings_floats", "embeddings_by_type"]
    embeddings: tuple[list[float], ...] | OutVectors
    texts: list[str]
    meta: OutMeta
