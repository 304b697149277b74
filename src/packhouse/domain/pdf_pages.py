"""How many pages a PDF has, counted without reading it as one."""

import re
import zlib

_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b.{0,400}?stream\r?\n", re.DOTALL)
_UNPACKED_BYTES_MAX = 8_000_000
"""What is looked at of all streams: a page's entry takes some hundred bytes of it."""


def pages_of(data: bytes) -> int | None:
    """The pages whose entries stand in the file, open or in packed streams of objects.

    None where that does not tell: no entry is found, or not all streams can be looked at.
    """
    found, left = len(_PAGE.findall(data)), _UNPACKED_BYTES_MAX
    for stream in _OBJECT_STREAM.finditer(data):
        try:
            objects = zlib.decompressobj().decompress(memoryview(data)[stream.end() :], left)
        except zlib.error:  # packed in another way, or encrypted
            return None
        left -= len(objects)
        if left <= 0:
            return None
        found += len(_PAGE.findall(objects))
    return found or None
