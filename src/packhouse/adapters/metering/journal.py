"""The journal: an append-only file a process, so that a killed process loses no settled record and no count.

A segment is a file that is mapped into memory: what was copied there the kernel keeps when the process dies, and it
costs no system call. Its blocks are set aside before the first entry, so that a full disk refuses a call before its
provider is asked, never after. A process holds a lock on its journal for as long as it lives; whoever can take that
lock knows that its owner is dead and may recover what it left (`recovery`). The journal is a chain of segments; a
segment goes when all of it is in the database.
"""

import fcntl
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from packhouse.adapters.metering.record import KnowledgeCount
from packhouse.ports.meter import Operation, Outcome, Source

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment takes new calls up to here; the room beyond is for their settlements."""
_ROOM_BYTES = 256 * 1024

_FRAME = struct.Struct("<II")


class SentEntry(msgspec.Struct, frozen=True, array_like=True, tag="S"):
    """A call is about to reach its provider; the amounts are its worst case. Instants in microseconds."""

    call_id: str
    company_id: str
    resource_id: str
    key_id: str | None
    model: str
    operation: Operation
    month_start: int
    started_at: int
    input_tokens: int
    output_tokens: int


class SettledEntry(msgspec.Struct, frozen=True, array_like=True, tag="E"):
    """What that call came to. `model` is the one that answered, where it is not the one that the call was sent to."""

    call_id: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    source: Source
    outcome: Outcome
    latency_ms: int
    model: str = ""


Entry = SentEntry | SettledEntry | KnowledgeCount

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class Segment:
    """One file of the chain, filled up with zeros. `waiting` counts its calls and counts that are not in the database.

    Raises OSError where the disk is full.
    """

    __slots__ = ("_fd", "_map", "path", "size", "waiting")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(self._fd, 0, SEGMENT_BYTES + _ROOM_BYTES)
            self._map = mmap.mmap(self._fd, SEGMENT_BYTES + _ROOM_BYTES)
        except OSError:
            os.close(self._fd)
            path.unlink(missing_ok=True)
            raise
        self.size = 0
        self.waiting = 0

    def append(self, entry: Entry) -> None:
        payload = _encode(entry)
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        start, end = self.size, self.size + len(frame)
        if end > len(self._map):
            self._grow()
        self._map[start:end] = frame
        self.size = end

    def discard(self) -> None:
        self.let_go()
        self.path.unlink(missing_ok=True)

    def let_go(self) -> None:
        """Leaves the file as it is."""
        self._map.close()
        os.close(self._fd)

    def _grow(self) -> None:
        size = len(self._map)
        os.posix_fallocate(self._fd, size, _ROOM_BYTES)
        self._map.resize(size + _ROOM_BYTES)


class Journal:
    """This process's journal in `directory`, under the process's id."""

    def __init__(self, directory: Path, process_id: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._process_id = process_id
        self._lock = lock_journal(directory, process_id)
        assert self._lock is not None, "a process id is used once"
        self._number = 0
        self._segment = self._next()

    def begin(self, entry: SentEntry | KnowledgeCount) -> Segment:
        """Writes the entry; the segment returned counts it until `drained`."""
        if self._segment.size >= SEGMENT_BYTES:
            full, self._segment = self._segment, self._next()
            if full.waiting == 0:
                full.discard()
        segment = self._segment
        segment.append(entry)
        segment.waiting += 1
        return segment

    def settled(self, segment: Segment, entry: SettledEntry) -> None:
        """Into the call's own segment, so that a segment tells its whole story."""
        segment.append(entry)

    def drained(self, segment: Segment) -> None:
        """One call or count of the segment is in the database."""
        segment.waiting -= 1
        if segment.waiting == 0 and segment is not self._segment:
            segment.discard()

    def close(self) -> None:
        """Leaves no file behind where all is in the database."""
        if self._segment.waiting == 0:
            self._segment.discard()
            lock_path(self._directory, self._process_id).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def abandon(self) -> None:
        """Lets go of the files as they are, as the death of the process does."""
        self._segment.let_go()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _next(self) -> Segment:
        self._number += 1
        return Segment(self._directory / f"{self._process_id}.{self._number:06d}.journal")


def lock_path(directory: Path, process_id: str) -> Path:
    return directory / f"{process_id}.lock"


def lock_journal(directory: Path, process_id: str) -> int | None:
    """The descriptor that holds the journal's lock, or None where its owner lives."""
    fd = os.open(lock_path(directory, process_id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def entries(path: Path) -> Iterator[Entry]:
    """The whole entries of a segment; a torn last one (its process died in the midst of it) is not an entry."""
    data = path.read_bytes()
    offset = 0
    while offset + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, offset)
        offset += _FRAME.size
        payload = data[offset : offset + length]
        if not 0 < length <= len(payload) or zlib.crc32(payload) != checksum:
            return
        yield _decode(payload)
        offset += length
