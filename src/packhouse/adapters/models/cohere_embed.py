"""Cohere's embed, which its own server and Bedrock speak alike: a batch's body, and the vectors of its answer.

Pure: what differs between the two (the model's place, versions, where tokens are told) is theirs.
"""

import base64
import struct
from collections.abc import Sequence

import msgspec

from packhouse.domain.chat_part import Image, Text
from packhouse.domain.content import Content
from packhouse.domain.embedding import Embeddable, EmbedInput, EmbedRequest, TypedVectors, VectorType
from packhouse.domain.errors import Refused
from packhouse.domain.picture import PICTURES, picture_type

INPUTS_MAX = 96
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_FORMATS = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
Numbers = list[list[int]] | None


class OutText(Content, frozen=True, tag="text"):
    text: str


class OutUrl(Content, frozen=True):
    url: str


class OutImage(Content, frozen=True, tag="image_url"):
    image_url: OutUrl


class OutInput(Content, frozen=True):
    content: tuple[OutText | OutImage, ...]


class OutEmbed(Content, frozen=True, omit_defaults=True, kw_only=True):
    """One of `texts`, `images` and `inputs` is there; `model` is not where an address names it."""

    model: str = ""
    input_type: str
    embedding_types: tuple[str, ...]
    texts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    inputs: tuple[OutInput, ...] = ()
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: str = ""


class InVectors(Content, frozen=True, rename={"floats": "float"}):
    floats: list[list[float]] | None = None
    int8: Numbers = None
    uint8: Numbers = None
    binary: Numbers = None
    ubinary: Numbers = None


class ReadVectors(Content, frozen=True):
    """`floats` are packed as little-endian float32, and empty where they were not asked for."""

    floats: tuple[bytes, ...]
    dimensions: int
    typed: tuple[TypedVectors, ...]


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")


def inputs_max(request: EmbedRequest, *, older: bool) -> int:
    """How many inputs go into one call: models up to the third version take one image, and nothing beside it."""
    return 1 if older and any(image_of(each) is not None for each in request.inputs) else INPUTS_MAX


def body_of(request: EmbedRequest, *, older: bool, input_type: str, dimensions: int | None, model: str = "") -> bytes:
    """A batch's body. The types are always named, since left out they change the answer's shape, and vectors are asked
    for as numbers. `older`: up to the third version. Refused: unsupported."""
    texts, images, inputs = _sorted_out(request.inputs)
    if older and inputs:
        raise Refused("unsupported", "This model embeds a text or an image, not both together.", field="inputs")
    body = OutEmbed(
        model=model,
        input_type="image" if images and older else input_type,
        embedding_types=_types(request.types),
        texts=texts,
        images=images,
        inputs=inputs,
        output_dimension=dimensions,
        max_tokens=request.input_tokens_max,
        truncate=request.truncate.upper(),
    )
    return msgspec.json.encode(body)


def vectors_of(read: InVectors, request: EmbedRequest) -> ReadVectors:
    """What was asked for, one vector of each type for each input. Refused: provider_malformed."""
    wants_floats = not {"float", "base64"}.isdisjoint(request.types)
    try:
        floats = _packed(read.floats or (), "f") if wants_floats else ()
        typed = tuple(
            TypedVectors(kind, _packed(getattr(read, kind) or (), _FORMATS[kind]))
            for kind in request.types
            if kind in _FORMATS
        )
    except (struct.error, OverflowError) as error:
        raise malformed() from error
    counts = {len(each.vectors) for each in typed} | ({len(floats)} if wants_floats else set[int]())
    if counts != {len(request.inputs)}:
        raise malformed()
    return ReadVectors(floats, _dimensions(floats, typed), typed)


def image_of(given: Embeddable) -> Image | None:
    """The image of an input that is nothing else."""
    if isinstance(given, EmbedInput) and len(given.parts) == 1 and isinstance(part := given.parts[0], Image):
        return part
    return None


def _text_of(given: Embeddable) -> str | None:
    """The text of an input that is nothing else."""
    if isinstance(given, str):
        return given
    if isinstance(given, EmbedInput) and len(given.parts) == 1 and isinstance(part := given.parts[0], Text):
        return part.text
    return None


def _sorted_out(inputs: Sequence[Embeddable]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[OutInput, ...]]:
    """Texts alone, images alone, or all as mixed inputs: one of the three is not empty."""
    if any(isinstance(each, tuple) for each in inputs):
        raise Refused("unsupported", "This model takes texts, not a tokenizer's numbers.", field="input")
    texts = [text for each in inputs if (text := _text_of(each)) is not None]
    if len(texts) == len(inputs):
        return tuple(texts), (), ()
    images = [image for each in inputs if (image := image_of(each)) is not None]
    if len(images) == len(inputs):
        return (), tuple(map(_data_url, images)), ()
    return (), (), tuple(map(_mixed, inputs))


def _mixed(given: Embeddable) -> OutInput:
    if isinstance(given, str):
        return OutInput((OutText(given),))
    assert isinstance(given, EmbedInput), "numbers were refused"
    return OutInput(tuple(map(_part, given.parts)))


def _part(part: Text | Image) -> OutText | OutImage:
    return OutText(part.text) if isinstance(part, Text) else OutImage(OutUrl(_data_url(part)))


def _data_url(image: Image) -> str:
    if not image.data:
        raise Refused("unsupported", "This model takes images by value, not by an address.", field="images")
    media_type = picture_type(image.data, image.media_type)
    if not media_type:
        taken, shown = ", ".join(PICTURES), image.media_type or "unknown type"
        raise Refused("unsupported", f"This model takes images of the types {taken}, not {shown}.", field="images")
    return f"data:{media_type};base64,{base64.b64encode(image.data).decode()}"


def _types(wanted: Sequence[VectorType]) -> tuple[str, ...]:
    """Base64 is how a client wants its floats; it is written where its answer is."""
    return tuple(dict.fromkeys("float" if kind == "base64" else kind for kind in wanted))


def _packed(rows: Sequence[Sequence[float]], form: str) -> tuple[bytes, ...]:
    return tuple(struct.pack(f"<{len(row)}{form}", *row) for row in rows)


def _dimensions(floats: tuple[bytes, ...], typed: tuple[TypedVectors, ...]) -> int:
    """The one number of dimensions that all vectors have. Refused: provider_malformed."""
    found = {len(vector) // 4 for vector in floats}
    for each in typed:
        found |= {len(vector) * (8 if "binary" in each.type else 1) for vector in each.vectors}
    if len(found) != 1 or not (dimensions := found.pop()):
        raise malformed()
    return dimensions
