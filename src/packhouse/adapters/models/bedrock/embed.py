"""Cohere's Embed models by InvokeModel: a batch's body, and the vectors in its answer."""

import base64
import struct
from collections.abc import Sequence

import msgspec

from packhouse.adapters.models.bedrock.eventstream import malformed
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, Embeddable, EmbedInput, EmbedRequest, TypedVectors, VectorType
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

INPUTS_MAX = 96
_V3_DIMENSIONS = 1024
_FORMATS = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}


class _Words(Content, frozen=True, tag_field="type", tag="text"):
    text: str


class _Url(Content, frozen=True):
    url: str


class _Picture(Content, frozen=True, tag_field="type", tag="image_url"):
    image_url: _Url


class _Mixed(Content, frozen=True):
    content: tuple[_Words | _Picture, ...]


class _Body(Content, frozen=True, omit_defaults=True, kw_only=True):
    input_type: str
    embedding_types: tuple[str, ...]
    texts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    inputs: tuple[_Mixed, ...] = ()
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: str = ""


class _ByType(Content, frozen=True):
    floats: list[list[float]] | None = msgspec.field(default=None, name="float")
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


class _Answer(Content, frozen=True):
    embeddings: _ByType | list[list[float]]


_decoder = msgspec.json.Decoder(_Answer)


def is_cohere_embed(model: str) -> bool:
    return "cohere.embed" in model


def inputs_max(request: EmbedRequest) -> int:
    """How many inputs go into one call: the third version takes one image, and nothing beside it."""
    alone = _is_v3(request.model) and any(_image_of(each) is not None for each in request.inputs)
    return 1 if alone else INPUTS_MAX


def embed_body(request: EmbedRequest) -> bytes:
    """A batch's body. The types are always named: left out they change the answer's shape. Refused: unsupported."""
    v3 = _is_v3(request.model)
    if v3:
        _check_v3(request)
    texts, images, inputs = _sorted_out(request.inputs)
    if v3 and inputs:
        raise Refused("unsupported", "This model embeds a text or an image, not both together.", field="inputs")
    kind = request.input_type
    if images and v3:
        kind = "image"
    elif kind == "image" and not v3:
        kind = "search_document"  # the fourth version tells images by themselves
    body = _Body(
        input_type=kind,
        embedding_types=_types(request.types),
        texts=texts,
        images=images,
        inputs=inputs,
        output_dimension=None if v3 else request.dimensions,
        max_tokens=request.input_tokens_max,
        truncate=request.truncate.upper(),
    )
    return msgspec.json.encode(body)


def read_vectors(body: bytes, request: EmbedRequest, *, tokens: ModelTokens | None) -> EmbedAnswer:
    """The answer to a batch; `tokens` from its headers. Refused: provider_malformed."""
    try:
        embeddings = _decoder.decode(body).embeddings
        by_type = embeddings if isinstance(embeddings, _ByType) else _ByType(embeddings)
        vectors = _packed(by_type.floats or [], "f")
        typed = tuple(
            TypedVectors(kind, _packed(getattr(by_type, kind) or [], _FORMATS[kind]))
            for kind in request.types
            if kind in _FORMATS
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, struct.error) as error:
        raise malformed() from error
    wants_floats = not {"float", "base64"}.isdisjoint(request.types)
    if (wants_floats and not vectors) or any(not each.vectors for each in typed):
        raise malformed()
    dimensions = _dimensions(vectors, typed, inputs=len(request.inputs))
    only_images = all(_image_of(each) is not None for each in request.inputs)
    image_tokens = tokens.input if tokens is not None and only_images else 0
    return EmbedAnswer(vectors if wants_floats else (), dimensions, tokens, typed, image_tokens)


def _is_v3(model: str) -> bool:
    return "embed-v4" not in model


def _check_v3(request: EmbedRequest) -> None:
    if request.dimensions not in (None, _V3_DIMENSIONS):
        message = f"This model's vectors have {_V3_DIMENSIONS} dimensions."
        raise Refused("unsupported", message, field="dimensions")
    if request.input_tokens_max is not None:
        raise Refused("unsupported", "This model cannot be told how many tokens to take.", field="max_tokens")


def _sorted_out(
    inputs: Sequence[Embeddable],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[_Mixed, ...]]:
    """Texts alone, images alone, or all as mixed inputs: one of the three is not empty."""
    if any(isinstance(each, tuple) for each in inputs):
        raise Refused("unsupported", "This model takes texts, not a tokenizer's numbers.", field="input")
    texts = [text for each in inputs if (text := _text_of(each)) is not None]
    if len(texts) == len(inputs):
        return tuple(texts), (), ()
    images = [image for each in inputs if (image := _image_of(each)) is not None]
    if len(images) == len(inputs):
        return (), tuple(_data_url(image) for image in images), ()
    return (), (), tuple(_mixed(each) for each in inputs)


def _text_of(given: Embeddable) -> str | None:
    """The text of an input that is nothing else."""
    if isinstance(given, str):
        return given
    if isinstance(given, EmbedInput) and len(given.parts) == 1 and isinstance(part := given.parts[0], Text):
        return part.text
    return None


def _image_of(given: Embeddable) -> Image | None:
    """The image of an input that is nothing else."""
    if isinstance(given, EmbedInput) and len(given.parts) == 1 and isinstance(part := given.parts[0], Image):
        return part
    return None


def _mixed(given: Embeddable) -> _Mixed:
    if isinstance(given, str):
        return _Mixed((_Words(given),))
    assert isinstance(given, EmbedInput), "numbers were refused"
    return _Mixed(
        tuple(_Words(part.text) if isinstance(part, Text) else _Picture(_Url(_data_url(part))) for part in given.parts)
    )


def _data_url(image: Image) -> str:
    if not image.data:
        raise Refused("unsupported", "This model takes images by value, not by an address.", field="images")
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"


def _types(wanted: Sequence[VectorType]) -> tuple[str, ...]:
    return tuple(dict.fromkeys("float" if kind == "base64" else kind for kind in wanted))


def _packed(rows: Sequence[Sequence[float]], form: str) -> tuple[bytes, ...]:
    return tuple(struct.pack(f"<{len(row)}{form}", *row) for row in rows)


def _dimensions(vectors: tuple[bytes, ...], typed: tuple[TypedVectors, ...], *, inputs: int) -> int:
    """The one number of dimensions that all vectors have. Refused: provider_malformed."""
    found = {len(vector) // 4 for vector in vectors}
    for each in typed:
        found |= {len(vector) * (8 if "binary" in each.type else 1) for vector in each.vectors}
    counts = {len(each.vectors) for each in typed} | ({len(vectors)} if vectors else set[int]())
    if len(found) != 1 or counts != {inputs} or not (dimensions := found.pop()):
        raise malformed()
    return dimensions
