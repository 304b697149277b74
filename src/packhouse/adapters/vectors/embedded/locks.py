"""Locks between processes: files that the kernel lets go of when their holder dies."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from packhouse.domain.errors import Refused

WAIT_SECONDS = 60.0
"""A holder keeps a lock for the length of one write; who waits longer than this waits for something broken."""

_PAUSE_SECONDS = 0.002
_PAUSE_SECONDS_MAX = 0.05


@contextmanager
def locked(path: Path, *, shared: bool = False, wait_seconds: float = WAIT_SECONDS) -> Generator[None]:
    """Holds the lock file `path`, made on demand; its directory must exist (FileNotFoundError).

    Threads of one process exclude one another too. Refused(unavailable) where the wait was in vain.
    """
    descriptor = _take(path, shared=shared, until=time.monotonic() + wait_seconds)
    if descriptor is None:
        raise Refused("unavailable", "Another process is writing to this knowledge base; try again.")
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_if_free(path: Path) -> Generator[bool]:
    """Holds the lock file if nobody does; else yields False, at once."""
    try:
        descriptor = _take(path, shared=False, until=0.0)
    except FileNotFoundError:
        descriptor = None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _take(path: Path, *, shared: bool, until: float) -> int | None:
    pause = _PAUSE_SECONDS
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, mode)
            if _still_there(path, descriptor):
                return descriptor
            os.close(descriptor)  # the file was removed while we waited: what we hold excludes nobody
            continue
        os.close(descriptor)
        if time.monotonic() >= until:
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
