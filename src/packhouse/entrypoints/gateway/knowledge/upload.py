"""A file as an upload brings it: bytes in the body, name and metadata in headers, which proxies do not log."""

import mimetypes
from urllib.parse import unquote

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Request
from packhouse.entrypoints.gateway.knowledge.convert import Query, pairs
from packhouse.entrypoints.gateway.knowledge.wire import Metadata
from packhouse.services.document import NewFile

NAME_HEADER = "x-packhouse-file-name"
METADATA_HEADER = "x-packhouse-metadata"

HEADERS = {
    NAME_HEADER: "The file's name, percent-encoded UTF-8.",
    METADATA_HEADER: "Metadata of all its chunks: a JSON object of texts or lists of texts, percent-encoded UTF-8.",
}
"""What an upload says of its file. The parameters `name` and `metadata` do it too, for what proxies may log."""

UNNAMED_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})
"""What clients send that know no better; the last is curl's own guess."""

_metadata = msgspec.json.Decoder(Metadata)


def new_file(request: Request, query: Query) -> NewFile:
    """Refused(invalid_request) for a name or metadata that cannot be read."""
    name = _header(request, NAME_HEADER) or query.text("name")
    if not name:
        raise Refused(
            "invalid_request",
            f"The file has no name. Send it percent-encoded in the header `{NAME_HEADER}`.",
            field=NAME_HEADER,
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type in UNNAMED_TYPES:
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    metadata = _metadata_of(_header(request, METADATA_HEADER) or query.text("metadata"))
    return NewFile(name, media_type, request.body, metadata)


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    try:
        if not value.isascii():
            raise ValueError
        return unquote(value, errors="strict")
    except ValueError as error:
        raise Refused("invalid_request", f"The header `{name}` is not percent-encoded UTF-8.", field=name) from error


def _metadata_of(text: str) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    try:
        return pairs(_metadata.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(
            "invalid_request",
            f"`{METADATA_HEADER}` must be a JSON object of texts, as "
            '{"language": "en", "tag": ["a", "b"]}, percent-encoded.',
            field="metadata",
        ) from error
