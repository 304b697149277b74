"""The style sheet and the icon: served from the package under addresses that change with what is in them."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from litestar import Response, get

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal.headers import headers
from packhouse.entrypoints.portal.site import Here, Part

FOLDER = Path(__file__).parent / "files"
MEDIA_TYPES: Mapping[str, str] = {"portal.css": "text/css", "icon.svg": "image/svg+xml"}


@cache
def content(name: str) -> bytes:
    """Read once, when it is first asked for."""
    return (FOLDER / name).read_bytes()


@cache
def address(name: str) -> str:
    """The path of an asset, with a digest of its content: under it, it may be kept for ever."""
    return f"/assets/{hashlib.sha256(content(name)).hexdigest()[:12]}/{name}"


@get("/assets/{digest:str}/{name:str}")
async def asset(*, site: Here, digest: Part, name: Part) -> Response[bytes]:
    """One of `MEDIA_TYPES`; under an older address the new content comes, not to be kept."""
    if name not in MEDIA_TYPES:
        raise Refused("not_found", "There is no such file.")
    current = address(name) == f"/assets/{digest}/{name}"
    keep = {"cache-control": "public, max-age=31536000, immutable"} if current else None
    return Response(content(name), media_type=MEDIA_TYPES[name], headers=headers(site, keep))
