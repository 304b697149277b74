"""Looks for a text in bytes, however they were written: encoded, escaped, or inside compressed streams."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

LIMIT = 64 * 1024 * 1024
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_GZIP = b"\x1f\x8b\x08"


def forms(text: str) -> dict[str, bytes]:
    """How the text may stand in a file. The three base64 forms are the parts that do not depend on what stands
    before and behind it."""
    plain = text.encode()
    found = {
        "plain": plain,
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "json": json.dumps(text)[1:-1].encode(),
        "url": "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in plain).encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + plain)
        start = -(-shift * 4 // 3) + (1 if shift else 0)
        found[f"base64+{shift}"] = encoded[start : len(encoded) - 4]
    return found


def seen_in(data: bytes, text: str, *, depth: int = 2) -> str | None:
    """The name of the form in which the text stands in the data, looking into compressed streams as well."""
    for name, form in forms(text).items():
        if form in data:
            return name
    if depth:
        for inner in _inflated(data):
            name = seen_in(inner, text, depth=depth - 1)
            if name is not None:
                return f"compressed {name}"
    return None


def content_of(path: Path) -> bytes:
    """Empty where the file is gone meanwhile, as the journal of a process that was recovered is."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def seen_below(folder: Path, text: str, *, apart_from: frozenset[str] = frozenset()) -> list[str]:
    """Each file below a folder that holds the text, with the form; `apart_from` names folders left out."""
    hits = list[str]()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or apart_from & set(path.relative_to(folder).parts):
            continue
        name = seen_in(content_of(path)[:LIMIT], text)
        if name is not None:
            hits.append(f"{path.relative_to(folder)}: {name}")
    return hits


def _inflated(data: bytes) -> Iterator[bytes]:
    for magic in (*_ZLIB, _GZIP):
        start = data.find(magic)
        while start >= 0:
            inner = _inflate(data[start:], wbits=31 if magic is _GZIP else 15)
            if len(inner) > 16:
                yield inner
            start = data.find(magic, start + 1)


def _inflate(data: bytes, *, wbits: int) -> bytes:
    """As much as comes out; a stream that breaks off still tells its beginning."""
    machine = zlib.decompressobj(wbits)
    out = b""
    for at in range(0, len(data), 4096):
        try:
            out += machine.decompress(data[at : at + 4096])
        except zlib.error:
            break
        if machine.eof or len(out) > LIMIT:
            break
    return out


def written_in_all_forms(folder: Path, text: str) -> dict[str, Path]:
    """Plants the text in every form, a file each: what a search has to find before it may be believed."""
    planted = dict[str, Path]()
    noise = b"\x00\x01 noise "
    for name, form in forms(text).items():
        planted[name] = folder / f"planted-{name}.bin"
        planted[name].write_bytes(noise + form + noise)
    for name, packed in {
        "zlib": zlib.compress(b"before " + text.encode() * 2),
        "gzip": gzip.compress(text.encode("utf-16-le")),
        "zlib in gzip": gzip.compress(zlib.compress(text.encode())),
        "base64 in a line": b"key=" + base64.b64encode(b"ab" + text.encode() + b"cd"),
    }.items():
        planted[name] = folder / f"planted-{name}.bin"
        planted[name].write_bytes(noise + packed + noise)
    return planted
