"""Files that survive a power cut, and what they take on disk."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """The file is there whole or not at all, and there to stay when this returns."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flushes a file, or the entries of a directory; what is gone meanwhile needs none."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_directory(path: Path) -> None:
    """At once for whoever looks, even if the process dies in the middle: what is left has another name."""
    gone = path.with_name(f"{REMOVED}{path.name}-{os.urandom(6).hex()}")
    with suppress(FileNotFoundError):
        path.rename(gone)
        sync(path.parent)
        shutil.rmtree(gone, ignore_errors=True)


def remove_leftovers(directory: Path) -> None:
    """What removals that were cut short have left in a directory."""
    for entry in entries(directory):
        if entry.name.startswith(REMOVED):
            shutil.rmtree(entry.path, ignore_errors=True)


REMOVED = ".removed-"
"""How the names of directories begin that are on their way out."""


def entries(directory: Path) -> list[os.DirEntry[str]]:
    """Of a directory that may be gone."""
    try:
        with os.scandir(directory) as found:
            return list(found)
    except FileNotFoundError:
        return []


def files_below(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Every file, links left alone; a directory that vanishes meanwhile is as if empty."""
    waiting = [directory]
    while waiting:
        for entry in entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield entry


def disk_bytes(directory: Path) -> int:
    """What the files below a directory take: blocks, not lengths."""
    total = 0
    for entry in files_below(directory):
        with suppress(FileNotFoundError):
            total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


class NewFiles:
    """Flushes what has come into a directory tree since the last time: LanceDB itself never does."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known = set[str]()

    def sync(self) -> None:
        """Every file not flushed before, then the directories that hold them, new ones up to the first known."""
        found = {entry.path for entry in files_below(self._directory)}
        new = found - self._known
        for path in new:
            sync(Path(path))
        known = {os.path.dirname(path) for path in self._known}
        for directory in {os.path.dirname(path) for path in new}:
            sync(Path(directory))
            if directory not in known:
                self._sync_above(Path(directory))
        self._known = found

    def _sync_above(self, directory: Path) -> None:
        for parent in directory.parents:
            if parent.is_relative_to(self._directory.parent):
                sync(parent)
