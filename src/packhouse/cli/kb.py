"""`packhouse kb`: a knowledge base from the command line, through the connector as an application does."""

from datetime import datetime

import msgspec
import typer

from packhouse.cli import ask
from packhouse.cli.kb_base import Base, with_base
from packhouse.cli.kb_chunks import chunks, delete, insert, search
from packhouse.cli.kb_upload import upload
from packhouse.cli.show import say, show_rows

app = typer.Typer(
    help="Knowledge bases: collections, documents, chunks, search.", no_args_is_help=True, add_completion=False
)

COLLECTION = typer.Argument(..., help="Its name or id.")
IN = typer.Option("default", help="The collection, by name or id.")


class BaseRow(msgspec.Struct):
    """A line of the table."""

    id: str
    name: str
    chunks: int
    disk_used_bytes: int
    disk_limit_bytes: int
    embeddings_model: str


class CollectionRow(msgspec.Struct):
    """A line of the table."""

    id: str
    name: str
    chunks: int
    created_at: datetime | None


class DocumentRow(msgspec.Struct):
    """A line of the table."""

    id: str
    name: str
    state: str
    chunks: int
    size_bytes: int
    failure: str | None


@app.command("list")
@with_base
def list_bases(base: Base) -> None:
    """List the knowledge bases that the key opens."""
    found = base.knowledge.bases()
    if base.json:
        base.print_json({"resources": found})
    else:
        show_rows([msgspec.convert(one, BaseRow, from_attributes=True) for one in found])


@app.command("collections")
@with_base
def list_collections(base: Base) -> None:
    """List the collections."""
    found = base.knowledge.collections()
    if base.json:
        base.print_json({"collections": found})
    else:
        show_rows([msgspec.convert(one, CollectionRow, from_attributes=True) for one in found])


@app.command("create")
@with_base
def create_collection(base: Base, *, name: str = typer.Argument(..., help="Its name.")) -> None:
    """Create a collection."""
    made = base.knowledge.create_collection(name).describe()
    if base.json:
        base.print_json(made)
    else:
        print(f"{made.name} is {made.id}.")


@app.command("drop")
@with_base
def drop_collection(
    base: Base, *, collection: str = COLLECTION, yes: bool = typer.Option(False, "--yes", help="Without asking.")
) -> None:
    """Delete a collection with all that is in it."""
    if not yes:
        ask.confirm(f"Delete {collection} with all that is in it?")
    base.knowledge.delete_collection(collection)
    say("Deleted.")


@app.command("documents")
@with_base
def list_documents(base: Base, *, collection: str = IN) -> None:
    """List a collection's documents."""
    found = list(base.knowledge.collection(collection).documents())
    if base.json:
        base.print_json({"documents": found})
        return
    show_rows(
        [
            DocumentRow(one.id, one.name, one.state, one.chunks, one.size_bytes, one.failure_message or one.failure)
            for one in found
        ]
    )


@app.command("remove")
@with_base
def remove_document(base: Base, *, document: str = typer.Argument(..., help="Its id (doc_…).")) -> None:
    """Delete a document with its chunks."""
    base.knowledge.document(document).delete()
    say("Deleted.")


app.command("upload")(upload)
app.command("insert")(insert)
app.command("chunks")(chunks)
app.command("search")(search)
app.command("delete")(delete)
