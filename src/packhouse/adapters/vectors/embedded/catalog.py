"""Collections and document records of one knowledge base. Listing them must cost nothing: LanceDB stays out.

A collection's count of chunks is kept beside the version of the chunk table that it was counted at, so that
whoever finds another version on disk knows that it has to be counted anew.
"""

import sqlite3
from typing import cast

import msgspec

from packhouse.adapters.vectors.embedded.catalog_file import CatalogFile, Row
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Collection, DocumentState, KnowledgeDocument
from packhouse.domain.units import CollectionId, DocumentId, instant, microseconds

_DOCUMENT = (
    "id, collection_id, name, media_type, digest, size_bytes, state, created_at, chunks, failure,"
    " failure_message, metadata"
)
_INSERT = f"INSERT INTO document ({_DOCUMENT})"
_PLACES = ", ".join(f"?{number}" for number in range(1, 13))
_KEPT = ("id", "collection_id", "created_at")
_REPLACED = ", ".join(f"{column} = excluded.{column}" for column in _DOCUMENT.split(", ") if column not in _KEPT)


class Tally(msgspec.Struct, frozen=True):
    """How many chunks a collection's table held at one of its versions."""

    version: int
    chunks: int


class Tidied(msgspec.Struct, frozen=True):
    """The version that a table had when it was last tidied, and the size that its vector index was trained at."""

    version: int = 0
    trained_chunks: int = 0


class Listed(msgspec.Struct, frozen=True):
    """A collection and the last count of its chunks; None where nobody has counted."""

    collection: Collection
    tally: Tally | None


class CollectionList:
    """Blocking: for threads."""

    def __init__(self, file: CatalogFile) -> None:
        self._file = file

    def create(self, collection: Collection) -> None:
        """Refused(conflict) where the id or the name exists."""
        created_at = microseconds(collection.created_at)
        try:
            self._file.write("INSERT INTO collection VALUES (?, ?, ?)", collection.id, collection.name, created_at)
        except sqlite3.IntegrityError as error:
            raise Refused(
                "conflict", f"There is already a collection named {collection.name!r}.", name=collection.name
            ) from error

    def all(self) -> list[Listed]:
        """By name."""
        rows = self._file.read(
            "SELECT c.id, c.name, c.created_at, t.version, t.chunks FROM collection c"
            " LEFT JOIN tally t ON t.collection_id = c.id ORDER BY c.name"
        )
        return [_listed(row) for row in rows]

    def exists(self, collection_id: CollectionId) -> bool:
        return bool(self._file.read("SELECT 1 FROM collection WHERE id = ?", collection_id))

    def require(self, collection_id: CollectionId) -> None:
        """Refused(not_found)."""
        if not self.exists(collection_id):
            raise Refused("not_found", "There is no such collection in this knowledge base.")

    def delete(self, collection_id: CollectionId) -> list[DocumentId]:
        """With its document records, whose ids are returned."""
        rows = self._file.read("SELECT id FROM document WHERE collection_id = ?", collection_id)
        self._file.write("DELETE FROM collection WHERE id = ?", collection_id)
        return [DocumentId(cast("str", row[0])) for row in rows]

    def keep_tally(self, collection_id: CollectionId, tally: Tally) -> None:
        """A count of an older version never replaces that of a newer one."""
        self._file.write(
            "INSERT INTO tally SELECT id, ?2, ?3 FROM collection WHERE id = ?1 ON CONFLICT (collection_id)"
            " DO UPDATE SET version = excluded.version, chunks = excluded.chunks WHERE excluded.version > version",
            collection_id,
            tally.version,
            tally.chunks,
        )

    def tidied(self, collection_id: CollectionId) -> Tidied:
        rows = self._file.read(
            "SELECT tidied_version, trained_chunks FROM upkeep WHERE collection_id = ?", collection_id
        )
        return Tidied(*cast("tuple[int, int]", rows[0])) if rows else Tidied()

    def keep_tidied(self, collection_id: CollectionId, tidied: Tidied) -> None:
        self._file.write(
            "INSERT INTO upkeep SELECT id, ?2, ?3 FROM collection WHERE id = ?1 ON CONFLICT (collection_id)"
            " DO UPDATE SET tidied_version = excluded.tidied_version, trained_chunks = excluded.trained_chunks",
            collection_id,
            tidied.version,
            tidied.trained_chunks,
        )


class DocumentList:
    """Blocking: for threads."""

    def __init__(self, file: CatalogFile) -> None:
        self._file = file

    def put(self, document: KnowledgeDocument) -> None:
        """Refused(not_found) where its collection is gone."""
        self._insert(f"{_INSERT} VALUES ({_PLACES}) ON CONFLICT (id) DO UPDATE SET {_REPLACED}", document)

    def add(self, document: KnowledgeDocument) -> bool:
        """False where the collection has one of the same digest. Refused(not_found) where its collection is gone."""
        another = "SELECT 1 FROM document WHERE collection_id = ?2 AND digest = ?5"  # numbers of places in a row
        return self._insert(f"{_INSERT} SELECT {_PLACES} WHERE NOT EXISTS ({another})", document) == 1

    def _insert(self, statement: str, document: KnowledgeDocument) -> int:
        try:
            return self._file.write(statement, *_row(document))
        except sqlite3.IntegrityError as error:
            raise Refused("not_found", "There is no such collection in this knowledge base.") from error

    def update(self, document: KnowledgeDocument) -> bool:
        """False, and nothing done, where the record is gone."""
        changed = self._file.write(
            "UPDATE document SET state = ?, chunks = ?, failure = ?, failure_message = ?, metadata = ? WHERE id = ?",
            document.state,
            document.chunks,
            document.failure,
            document.failure_message,
            _labels(document),
            document.id,
        )
        return changed == 1

    def one(self, document_id: DocumentId) -> KnowledgeDocument | None:
        return _first(self._file.read(f"SELECT {_DOCUMENT} FROM document WHERE id = ?", document_id))  # noqa: S608

    def page(self, collection_id: CollectionId, *, offset: int, limit: int) -> list[KnowledgeDocument]:
        """Newest first."""
        rows = self._file.read(
            f"SELECT {_DOCUMENT} FROM document WHERE collection_id = ?"  # noqa: S608
            " ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
            collection_id,
            limit,
            offset,
        )
        return [_document(row) for row in rows]

    def by_digest(self, collection_id: CollectionId, digest: str) -> KnowledgeDocument | None:
        """The newest of them."""
        return _first(
            self._file.read(
                f"SELECT {_DOCUMENT} FROM document WHERE collection_id = ? AND digest = ?"  # noqa: S608
                " ORDER BY created_at DESC, id DESC LIMIT 1",
                collection_id,
                digest,
            )
        )

    def delete(self, document_id: DocumentId) -> None:
        self._file.write("DELETE FROM document WHERE id = ?", document_id)


def _listed(row: Row) -> Listed:
    id_, name, created_at, version, chunks = cast("tuple[str, str, int, int | None, int | None]", row)
    tally = None if version is None or chunks is None else Tally(version, chunks)
    return Listed(Collection(CollectionId(id_), name, instant(created_at)), tally)


def _row(document: KnowledgeDocument) -> Row:
    return (
        document.id,
        document.collection_id,
        document.name,
        document.media_type,
        document.digest,
        document.size_bytes,
        document.state,
        microseconds(document.created_at),
        document.chunks,
        document.failure,
        document.failure_message,
        _labels(document),
    )


def _labels(document: KnowledgeDocument) -> str:
    return msgspec.json.encode(document.metadata).decode()


def _first(rows: list[Row]) -> KnowledgeDocument | None:
    return _document(rows[0]) if rows else None


def _document(row: Row) -> KnowledgeDocument:
    return KnowledgeDocument(
        id=DocumentId(cast("str", row[0])),
        collection_id=CollectionId(cast("str", row[1])),
        name=cast("str", row[2]),
        media_type=cast("str", row[3]),
        digest=cast("str", row[4]),
        size_bytes=cast("int", row[5]),
        state=cast("DocumentState", row[6]),
        created_at=instant(cast("int", row[7])),
        chunks=cast("int", row[8]),
        failure=cast("str", row[9]),
        failure_message=cast("str", row[10]),
        metadata=msgspec.json.decode(cast("str", row[11]), type=tuple[tuple[str, str], ...]),
    )
