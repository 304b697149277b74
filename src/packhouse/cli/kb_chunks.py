"""`packhouse kb insert`, `chunks`, `search`, `delete`: what a collection holds."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.command import Options
from packhouse.cli.ending import WRONG_CALL, Ended
from packhouse.cli.kb_base import Base, filter_of, with_base
from packhouse.cli.show import show_rows
from packhouse_connector import Chunk, ObjectRef

TEXT_CHARACTERS = 300
TEXTS = typer.Argument(None, help="Texts, a chunk each.")
Mode = Literal["insert", "replace-objects", "repopulate"]


class Insertion(Options, frozen=True):
    collection: Annotated[str, Meta(description="The collection, by name or id.")] = "default"
    mode: Annotated[
        Mode, Meta(description="Add; replace what is there of the objects named; or replace the whole collection.")
    ] = "insert"
    jsonl: Annotated[
        Path | None, Meta(description="A file with a chunk a line: {text, id?, object?: {id, type?}, metadata?}.")
    ] = None


class Listing(Options, frozen=True):
    collection: Annotated[str, Meta(description="The collection, by name or id.")] = "default"
    filter: Annotated[str | None, Meta(description='Only chunks that pass it, as JSON: {"lang": "en"}.')] = None
    offset: Annotated[int, Meta(description="Leave out so many at the start.")] = 0
    limit: Annotated[int, Meta(description="At most so many.")] = 100


class Search(Options, frozen=True):
    collection: Annotated[tuple[str, ...], Meta(description="Only in this one; may be repeated.")] = ()
    max_results: Annotated[int, Meta(description="At most so many.")] = 5
    minimum_similarity: Annotated[float | None, Meta(description="Nothing below it, between 0 and 1.")] = None
    filter: Annotated[str | None, Meta(description='Only chunks that pass it, as JSON: {"lang": "en"}.')] = None
    mode: Annotated[Literal["vector", "keyword", "hybrid"], Meta(description="How to search.")] = "vector"


class Selection(Options, frozen=True):
    collection: Annotated[str, Meta(description="The collection, by name or id.")] = "default"
    id: Annotated[tuple[str, ...], Meta(description="This chunk; may be repeated.")] = ()
    object: Annotated[str | None, Meta(description="All chunks of the object with this id.")] = None
    object_type: Annotated[str, Meta(description="The type of that object; left out: it has none.")] = ""
    document: Annotated[str | None, Meta(description="All chunks of this document (doc_…).")] = None
    filter: Annotated[str | None, Meta(description='All chunks that pass it, as JSON: {"lang": "en"}.')] = None


class ChunkRow(msgspec.Struct):
    """A line of the table; long texts are cut."""

    id: str
    document_id: str | None
    page: int | None
    text: str


class FoundRow(msgspec.Struct):
    """A line of the table; long texts are cut."""

    similarity: str
    title: str | None
    page: int | None
    id: str
    text: str


@with_base
def insert(base: Base, *, texts: list[str] = TEXTS, options: Insertion) -> None:
    """Insert chunks: all of them or none; they can be searched when the command returns."""
    collection = base.knowledge.collection(options.collection)
    put = {
        "insert": collection.insert,
        "replace-objects": collection.replace_objects,
        "repopulate": collection.repopulate,
    }[options.mode]
    chunks = [*(Chunk(text) for text in texts or ()), *(_lines(options.jsonl) if options.jsonl else ())]
    if not chunks and options.mode != "repopulate":
        raise Ended("Give texts, or a file with --jsonl.", WRONG_CALL)
    inserted = put(chunks)
    if base.json:
        base.print_json(inserted)
    else:
        print(f"{inserted.chunks} chunks, {inserted.usage.input_tokens} model tokens.")


@with_base
def chunks(base: Base, *, options: Listing) -> None:
    """List a collection's chunks."""
    collection = base.knowledge.collection(options.collection)
    found = list(collection.list(filter=filter_of(options.filter), offset=options.offset, limit=options.limit))
    if base.json:
        base.print_json({"chunks": found})
    else:
        show_rows([ChunkRow(one.id, one.document_id, one.page, _cut(one.text)) for one in found])


@with_base
def search(base: Base, *, text: str = typer.Argument(..., help="What to look for."), options: Search) -> None:
    """Search: the chunks nearest in meaning, best first."""
    more: dict[str, Any] = {"max_results": options.max_results, "mode": options.mode}
    if options.minimum_similarity is not None:
        more["minimum_similarity"] = options.minimum_similarity
    if options.filter is not None:
        more["filter"] = filter_of(options.filter)
    results = base.knowledge.search(text, collections=options.collection or None, **more)
    if base.json:
        base.print_json(results)
        return
    show_rows(
        [
            FoundRow(
                "-" if one.similarity is None else f"{one.similarity:.3f}", one.title, one.page, one.id, _cut(one.text)
            )
            for one in results
        ]
    )


@with_base
def delete(base: Base, *, options: Selection) -> None:
    """Delete chunks, chosen by one of --id, --object, --document and --filter."""
    chosen: dict[str, Any] = {
        "ids": options.id or None,
        "object": None if options.object is None else ObjectRef(options.object, options.object_type),
        "document": options.document,
        "filter": None if options.filter is None else filter_of(options.filter),
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    if len(given) != 1:
        raise Ended("Choose what to delete by exactly one of --id, --object, --document and --filter.", WRONG_CALL)
    deleted = base.knowledge.collection(options.collection).delete(**given)
    if base.json:
        base.print_json({"deleted": deleted})
    else:
        print(f"{deleted} chunks deleted.")


def _lines(file: Path) -> list[Chunk]:
    """Ended: a wrong call, with the line that is no chunk."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise Ended(f"{file} cannot be read: {error.strerror}.", WRONG_CALL) from error
    found: list[Chunk] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=Chunk))
        except msgspec.DecodeError as error:
            raise Ended(f"{file}, line {number}: {error}.", WRONG_CALL) from error
    return found


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= TEXT_CHARACTERS else one_line[: TEXT_CHARACTERS - 2] + " …"
