"""What an embed request of Cohere's asks and what is answered: the same directly and at Bedrock."""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.simulators import tokens, vectors
from packhouse.simulators.asked import Asked
from packhouse.simulators.cohere.wire import EmbedBody, EmbeddingType
from packhouse.simulators.dialect import Rejected

INPUTS_MAX = 96
_DIMENSIONS = (256, 512, 1024, 1536)
_CONTEXT_V3, _CONTEXT_V4 = 512, 128_000


class _Item(msgspec.Struct, frozen=True):
    """One thing to embed: a text, images, or both. `key` is what its vector is made of."""

    text: str
    images: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return "\n".join((self.text, *self.images))

    @property
    def tokens(self) -> int:
        return tokens.of_text(self.text)


class Embed:
    """A request to embed that is right. Raises `Rejected` (400) where it is not."""

    def __init__(self, body: EmbedBody, model: str) -> None:
        self.body = body
        self.model = model
        self.newest = "v4" in model
        self.dimensions = _dimensions(body, model)
        self._items = [_fitted(it, body, newest=self.newest) for it in _items(body)]
        if not 1 <= len(self._items) <= INPUTS_MAX:
            raise Rejected(400, f"invalid request: total number of texts must be at most {INPUTS_MAX}")
        if body.input_type is None:
            raise Rejected(400, "invalid request: valid input_type must be provided with the provided model")
        if body.images and not self.newest and len(body.images) > 1:
            raise Rejected(400, "invalid request: number of images must be at most 1")

    @property
    def asked(self) -> Asked:
        return Asked(
            kind="embeddings",
            model=self.model,
            text="\n".join(it.text for it in self._items),
            input_tokens=self.text_tokens + self.image_tokens,
        )

    @property
    def text_tokens(self) -> int:
        return sum(it.tokens for it in self._items)

    @property
    def image_tokens(self) -> int:
        return tokens.PER_IMAGE * sum(len(it.images) for it in self._items)

    @property
    def characters(self) -> int:
        return sum(len(it.text) for it in self._items)

    @property
    def texts(self) -> list[str]:
        """As they are given back: English v3 makes them lower case."""
        texts = list(self.body.texts or ())
        return [it.lower() for it in texts] if "english-v3" in self.model else texts

    def floats(self) -> list[tuple[float, ...]]:
        return [vectors.vector(it.key, self.dimensions) for it in self._items]

    def by_type(self, types: list[EmbeddingType]) -> dict[str, Any]:
        """The vectors in each of the types."""
        floats = self.floats()
        return {kind: [_shape(it, kind) for it in floats] for kind in types}


def _items(body: EmbedBody) -> Iterator[_Item]:
    if sum(it is not None for it in (body.texts, body.images, body.inputs)) != 1:
        raise Rejected(400, "invalid request: exactly one of texts, images or inputs must be specified")
    for text in body.texts or ():
        yield _Item(text)
    for image in body.images or ():
        yield _Item("", (_checked_image(image),))
    for several in body.inputs or ():
        images = tuple(_checked_image(it.image_url.url) for it in several.content if it.image_url is not None)
        yield _Item("\n".join([it.text for it in several.content if it.text]), images)


def _checked_image(url: str) -> str:
    if not url.startswith("data:image/"):
        raise Rejected(400, "invalid request: images must be data URIs: data:image/<format>;base64,<data>")
    return url


def _fitted(item: _Item, body: EmbedBody, *, newest: bool) -> _Item:
    """Cut to the context of the model, where cutting is allowed."""
    most = min(body.max_tokens or _CONTEXT_V4, _CONTEXT_V4 if newest else _CONTEXT_V3)
    if item.tokens <= most:
        return item
    if body.truncate == "NONE":
        raise Rejected(400, f"invalid request: text is too long: {item.tokens} tokens, at most {most} are allowed")
    encoded = item.text.encode()
    kept = encoded[-most * 4 :] if body.truncate in ("START", "LEFT") else encoded[: most * 4]
    return _Item(kept.decode("utf-8", "ignore"), item.images)


def _dimensions(body: EmbedBody, model: str) -> int:
    if "v4" in model:
        wanted = body.output_dimension or 1536
        if wanted not in _DIMENSIONS:
            raise Rejected(400, f"invalid request: output_dimension must be one of {list(_DIMENSIONS)}")
        return wanted
    if body.output_dimension not in (None, 1024):
        raise Rejected(400, "invalid request: output_dimension is not supported for this model")
    return 384 if "light" in model else 1024


def _shape(floats: tuple[float, ...], kind: EmbeddingType) -> object:
    match kind:
        case "float":
            return floats
        case "int8":
            return vectors.int8(floats)
        case "uint8":
            return vectors.uint8(floats)
        case "binary":
            return vectors.binary(floats)
        case "ubinary":
            return vectors.ubinary(floats)
        case "base64":
            return base64.b64encode(vectors.packed(floats)).decode()
