"""How many input tokens a relayed body may come to, without reading all of it."""

import base64
import binascii

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.estimate import (
    PAGES_MAX,
    TOKENS_PER_CALL,
    TOKENS_PER_IMAGE,
    TOKENS_PER_PAGE,
    TOKENS_WITH_PROVIDER_TOOL,
    TOKENS_WITH_TOOLS,
    document_bound,
)
from packhouse.entrypoints.gateway.decode import decode


class _Url(Content, frozen=True):
    url: str = ""


class _File(Content, frozen=True):
    file_data: str | None = None


class _Part(Content, frozen=True):
    type: str = ""
    image_url: _Url | str | None = None
    file: _File | None = None


class _Message(Content, frozen=True):
    content: str | list[_Part] | None = None


class _Body(Content, frozen=True):
    messages: list[_Message]


_body = msgspec.json.Decoder(_Body)


def input_bound_of(body: bytes) -> int:
    """No provider reports more input tokens. Refused(invalid_request) where messages are none of this dialect.

    The JSON of a request is never shorter than its text; images and files count by themselves, in the place of their
    bytes.
    """
    bound = len(body) + TOKENS_PER_CALL
    if b'"tools"' in body:
        bound += TOKENS_WITH_TOOLS
    if b'"web_search_options"' in body:
        bound += TOKENS_WITH_PROVIDER_TOOL
    if b'"image_url"' in body or b'"file"' in body:  # their bytes do not tell their tokens
        bound += sum(_more(part) for part in _parts(body))
    return bound


def _parts(body: bytes) -> list[_Part]:
    messages = decode(_body, body).messages
    return [part for message in messages if isinstance(message.content, list) for part in message.content]


def _more(part: _Part) -> int:
    """What a part comes to beyond its bytes; less than nothing where those are the larger."""
    if part.image_url is not None:
        url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
        return TOKENS_PER_IMAGE - (len(url) if url.startswith("data:") else 0)
    if part.file is not None:
        return _file(part.file.file_data or "")
    return 0


def _file(data_url: str) -> int:
    """A file that its provider keeps may be as large as any that it takes."""
    if not data_url:
        return PAGES_MAX * TOKENS_PER_PAGE
    head, _, tail = data_url.partition(",")
    try:
        data = base64.b64decode(tail)
    except binascii.Error:
        return PAGES_MAX * TOKENS_PER_PAGE  # its provider will say what is wrong with it
    return document_bound(head.removeprefix("data:").partition(";")[0], data) - len(data_url)
