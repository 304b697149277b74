"""From a body in Cohere's dialect to the neutral embeddings call."""

import binascii
import re

import msgspec

from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import Embeddable, EmbedInput, EmbedRequest, Truncate
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.cohere.wire import EmbedBody, WireInput, WirePart
from packhouse.entrypoints.gateway.decode import decode

INPUTS_MAX = 96
"""As many texts or mixed inputs as Cohere takes in one call."""

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")

_body = msgspec.json.Decoder(EmbedBody)
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[\w.+-]+)*;base64,")
_TRUNCATE: dict[str, Truncate] = {"NONE": "none", "START": "start", "LEFT": "start", "END": "end", "RIGHT": "end"}


def read_embed(body: bytes) -> EmbedBody:
    """Refused: malformed_json, invalid_request."""
    return decode(_body, body)


def request_of(wire: EmbedBody) -> EmbedRequest:
    """Without an input type it is for documents, as a text was before there were types.

    Refused: invalid_request, unsupported.
    """
    if wire.max_tokens is not None and wire.max_tokens < 1:
        raise _wrong("max_tokens", f"`max_tokens` must be at least 1, not {wire.max_tokens}.")
    return EmbedRequest(
        model=wire.model or "",
        inputs=_inputs(wire),
        input_type=wire.input_type or "search_document",
        dimensions=wire.output_dimension,
        types=tuple(dict.fromkeys(wire.embedding_types or ("float",))),
        truncate=_TRUNCATE[wire.truncate or "END"],
        input_tokens_max=wire.max_tokens,
    )


def _inputs(wire: EmbedBody) -> tuple[Embeddable, ...]:
    given = {"texts": wire.texts, "images": wire.images, "inputs": wire.inputs}
    filled = [name for name, value in given.items() if value]
    if len(filled) != 1:
        told = " and ".join(f"`{name}`" for name in filled) or "none of them"
        raise _wrong(filled[-1] if filled else "texts", f"Give one of `texts`, `images` and `inputs`, not {told}.")
    (field,) = filled
    size = len(given[field] or ())
    if field != "images" and size > INPUTS_MAX:
        raise _wrong(
            field, f"`{field}` has {size:,} elements; at most {INPUTS_MAX} go into one call. Send several calls."
        )
    if wire.texts:
        return tuple(wire.texts)
    if wire.images:
        return tuple(EmbedInput((_image(url, f"images[{at}]"),)) for at, url in enumerate(wire.images))
    return tuple(_mixed(each, f"inputs[{at}]") for at, each in enumerate(wire.inputs or ()))


def _mixed(given: WireInput, field: str) -> Embeddable:
    """A text alone is no different from one in `texts`, which models that know no images take too."""
    parts = tuple(_part(part, f"{field}.content[{at}]") for at, part in enumerate(given.content))
    if not parts:
        raise _wrong(field, f"`{field}` has no content.")
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return EmbedInput(parts)


def _part(part: WirePart, field: str) -> Text | Image:
    if part.type == "text":
        return Text(part.text)
    if part.type == "image_url" and part.image_url is not None:
        return _image(part.image_url.url, f"{field}.image_url.url")
    raise _wrong(field, f"`{field}` is a part of type {part.type!r}; it must be `text`, or `image_url` with its URL.")


def _image(url: str, field: str) -> Image:
    head = _DATA_URL.match(url)
    if head is None:
        raise _wrong(field, f"`{field}` needs a data URL: `data:<media type>;base64,<data>`.")
    if head[1] not in IMAGE_TYPES:
        raise _wrong(field, f"`{field}` is of type {head[1]}; images are {', '.join(IMAGE_TYPES)}.")
    try:
        data = binascii.a2b_base64(url[head.end() :], strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(field, f"The data of `{field}` is not base64.") from error
    if not data:
        raise _wrong(field, f"`{field}` holds no data.")
    return Image(media_type=head[1], data=data)


def _wrong(field: str, message: str) -> Refused:
    return Refused("invalid_request", message, field=field)
