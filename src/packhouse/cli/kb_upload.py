"""`packhouse kb upload`: files into a collection, with a bar for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Meta
from rich import progress as bars

from packhouse.cli.command import Options
from packhouse.cli.ending import REFUSED, WRONG_CALL, Ended
from packhouse.cli.kb_base import Base, with_base
from packhouse.cli.show import console, say
from packhouse_connector import DiskFull, DocumentFailed, InvalidRequest, Progress
from packhouse_connector.sync.document import DocumentHandle
from packhouse_connector.sync.knowledge import CollectionHandle

FILES = typer.Argument(..., help="PDF, Markdown or text.")


class UploadOptions(Options, frozen=True):
    collection: Annotated[str, Meta(description="The collection, by name or id.")] = "default"
    meta: Annotated[tuple[str, ...], Meta(description="Metadata for all chunks, as key=value; may be repeated.")] = ()
    wait: Annotated[bool, Meta(description="Wait until the documents can be searched.")] = True


class Uploaded(msgspec.Struct):
    """What became of a file. `failure` is the reason why it was not taken in."""

    file: str
    id: str = ""
    state: str = ""
    chunks: int = 0
    duplicate: bool = False
    failure: str | None = None


@with_base
def upload(base: Base, *, files: list[Path] = FILES, options: UploadOptions) -> None:
    """Upload files; each failure is told with its reason. Ends with 1 where a file was not taken in."""
    for file in files:
        if not file.is_file():
            raise Ended(f"There is no file {file}.", WRONG_CALL)
    collection = base.knowledge.collection(options.collection)
    with _bars(base) as display:
        uploads = _Uploads(collection, display, options=options)
        found = [uploads.take(file) for file in files]
    if base.json:
        base.print_json({"documents": found})
    else:
        for one in found:
            _tell(one)
    failed = [one for one in found if one.failure is not None]
    if failed:
        raise Ended(f"{len(failed)} of {len(found)} files were not taken in.", REFUSED)


class _Uploads:
    def __init__(self, collection: CollectionHandle, display: bars.Progress, *, options: UploadOptions) -> None:
        self._collection = collection
        self._display = display
        self._metadata = _metadata(options.meta)
        self._wait = options.wait

    def take(self, file: Path) -> Uploaded:
        bar = self._display.add_task(file.name, total=None)
        try:
            handle = self._collection.upload(file, metadata=self._metadata)
            if self._wait and not handle.duplicate:
                handle.wait(timeout_seconds=3600, progress=lambda seen: self._moved(bar, seen))
        except (DocumentFailed, DiskFull, InvalidRequest) as error:
            self._display.update(bar, total=1, completed=1)
            return Uploaded(str(file), state="failed", failure=error.message)
        self._display.update(bar, total=1, completed=1)
        return _uploaded(file, handle)

    def _moved(self, bar: bars.TaskID, seen: Progress) -> None:
        if seen.total:
            self._display.update(bar, total=seen.total, completed=seen.done)


def _uploaded(file: Path, handle: DocumentHandle) -> Uploaded:
    document = handle.document
    return Uploaded(str(file), document.id, document.state, document.chunks, handle.duplicate)


def _metadata(pairs: Sequence[str]) -> dict[str, Any] | None:
    """`key=value`, a key with several values where it is repeated. Ended: a wrong call."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Ended(f"--meta takes key=value, not {pair!r}.", WRONG_CALL)
        found.setdefault(key, []).append(value)
    return found or None


def _bars(base: Base) -> bars.Progress:
    columns = (bars.TextColumn("{task.description}", markup=False), bars.BarColumn(), bars.MofNCompleteColumn())
    shown = console(aside=True)
    return bars.Progress(*columns, console=shown, transient=True, disable=base.json or not shown.is_terminal)


def _tell(one: Uploaded) -> None:
    if one.failure is not None:
        say(f"{one.file}: {one.failure}")
    elif one.duplicate:
        print(f"{one.file}: was there already as {one.id}")
    elif one.state == "done":
        print(f"{one.file}: {one.id}, {one.chunks} chunks")
    else:
        print(f"{one.file}: {one.id}, {one.state}")
