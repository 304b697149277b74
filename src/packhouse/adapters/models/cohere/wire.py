"""Cohere's embed as it answers. Names are the wire's; unknown fields are passed over."""

from typing import Annotated

import msgspec

from packhouse.adapters.models.cohere_embed import InVectors
from packhouse.domain.content import Content

Count = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
"""Published as a number, so that it may come with a decimal point; whole up to this size."""


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
