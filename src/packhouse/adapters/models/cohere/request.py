"""From the neutral request to an embed body."""

import base64
from collections.abc import Sequence

import msgspec

from packhouse.adapters.models.cohere import wire
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import Embeddable, EmbedInput, EmbedRequest, VectorType
from packhouse.domain.errors import Refused

INPUTS_MAX = 96
_OLDER = ("-v2", "-v3")
_DIMENSIONS, _DIMENSIONS_LIGHT = 1024, 384


def inputs_max(request: EmbedRequest) -> int:
    """How many inputs go into one call: the third version takes one image, and nothing beside it."""
    alone = _is_older(request.model) and any(_image_of(each) is not None for each in request.inputs)
    return 1 if alone else INPUTS_MAX


def embed_body(request: EmbedRequest) -> bytes:
    """A batch's body. The types are always named, and vectors are asked for as numbers. Refused: unsupported."""
    texts, images, inputs = _sorted_out(request.inputs)
    older = _is_older(request.model)
    if older and inputs:
        raise Refused("unsupported", "This model embeds a text or an image, not both together.", field="inputs")
    body = wire.OutEmbed(
        model=request.model,
        input_type="image" if images and older else request.input_type,
        embedding_types=_types(request.types),
        texts=texts,
        images=images,
        inputs=inputs,
        output_dimension=_dimensions_of_older(request) if older else request.dimensions,
        max_tokens=request.input_tokens_max,
        truncate=request.truncate.upper(),
    )
    return msgspec.json.encode(body)


def _is_older(model: str) -> bool:
    """Up to the third version: vectors of one size, and no mixed inputs."""
    return any(version in model for version in _OLDER)


def _dimensions_of_older(request: EmbedRequest) -> None:
    """They have one size, and take no wish for it."""
    fixed = _DIMENSIONS_LIGHT if "-light-" in request.model else _DIMENSIONS
    if "-v3" in request.model and request.dimensions not in (None, fixed):
        raise Refused("unsupported", f"This model's vectors have {fixed} dimensions.", field="dimensions")


def _sorted_out(
    inputs: Sequence[Embeddable],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[wire.OutInput, ...]]:
    """Texts alone, images alone, or all as mixed inputs: one of the three is not empty."""
    if any(isinstance(each, tuple) for each in inputs):
        raise Refused("unsupported", "This model takes texts, not a tokenizer's numbers.", field="input")
    texts = [text for each in inputs if (text := _text_of(each)) is not None]
    if len(texts) == len(inputs):
        return tuple(texts), (), ()
    images = [image for each in inputs if (image := _image_of(each)) is not None]
    if len(images) == len(inputs):
        return (), tuple(map(_data_url, images)), ()
    return (), (), tuple(map(_mixed, inputs))


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


def _mixed(given: Embeddable) -> wire.OutInput:
    if isinstance(given, str):
        return wire.OutInput((wire.OutText(given),))
    assert isinstance(given, EmbedInput), "numbers were refused"
    return wire.OutInput(tuple(map(_part, given.parts)))


def _part(part: Text | Image) -> wire.OutText | wire.OutImage:
    return wire.OutText(part.text) if isinstance(part, Text) else wire.OutImage(wire.OutUrl(_data_url(part)))


def _data_url(image: Image) -> str:
    if not image.data:
        raise Refused("unsupported", "This model takes images by value, not by an address.", field="images")
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"


def _types(wanted: Sequence[VectorType]) -> tuple[str, ...]:
    """Base64 is how a client wants its floats; it is written where its answer is."""
    return tuple(dict.fromkeys("float" if kind == "base64" else kind for kind in wanted))
