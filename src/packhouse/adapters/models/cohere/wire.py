"""Cohere's embed as it is asked and as it answers. Names are the wire's; unknown fields are passed over."""

from typing import Annotated

import msgspec

from packhouse.domain.content import Content

# what we send


class OutText(Content, frozen=True, tag="text"):
    text: str


class OutUrl(Content, frozen=True):
    url: str


class OutImage(Content, frozen=True, tag="image_url"):
    image_url: OutUrl


class OutInput(Content, frozen=True):
    content: tuple[OutText | OutImage, ...]


class OutEmbed(Content, frozen=True, omit_defaults=True, kw_only=True):
    """One of `texts`, `images` and `inputs` is there."""

    model: str
    input_type: str
    embedding_types: tuple[str, ...]
    texts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    inputs: tuple[OutInput, ...] = ()
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: str = ""


# what we get

Count = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
"""Published as a number, so that it may come with a decimal point; whole up to this size."""

Numbers = list[list[int]] | None


class InVectors(Content, frozen=True, rename={"floats": "float"}):
    floats: list[list[float]] | None = None
    int8: Numbers = None
    uint8: Numbers = None
    binary: Numbers = None
    ubinary: Numbers = None


class InUnits(msgspec.Struct, frozen=True):
    input_tokens: Count | None = None
    image_tokens: Count | None = None


class InMeta(msgspec.Struct, frozen=True):
    billed_units: InUnits | None = None


class InEmbed(Content, frozen=True):
    embeddings: InVectors
    meta: InMeta | None = None


class InError(Content, frozen=True):
    message: str = ""
