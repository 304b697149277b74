"""The columns of a chunk table, and chunks written to and read from them.

Vectors are stored with length 1 in half precision: half the disk, similarities right to 5e-4 at worst.
Metadata is a list of labels, so that a filter on it is decided by an index before the search.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from packhouse.adapters.vectors.embedded.filters import label, pair
from packhouse.adapters.vectors.embedded.lance import Arrow
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk, EmbeddedChunk, ObjectRef
from packhouse.domain.units import DocumentId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_COLUMNS = ["id", "text", "object_id", "object_type", "document_id", "ordinal", "page", "labels"]
VECTOR = "vector"
DISTANCE = "_distance"
SCORE = "_score"


class Row(Content, frozen=True):
    """A chunk as it is stored, with what a search says about it."""

    id: str
    text: str
    object_id: str | None
    object_type: str | None
    document_id: str | None
    ordinal: int
    page: int | None
    labels: tuple[str, ...]
    distance: float | None = msgspec.field(default=None, name=DISTANCE)
    score: float | None = msgspec.field(default=None, name=SCORE)

    def chunk(self) -> Chunk:
        return Chunk(
            id=self.id,
            text=self.text,
            object=None if self.object_id is None else ObjectRef(self.object_id, self.object_type or ""),
            document_id=None if self.document_id is None else DocumentId(self.document_id),
            ordinal=self.ordinal,
            page=self.page,
            metadata=tuple(map(pair, self.labels)),
        )


def schema_of(dimensions: int) -> object:
    import pyarrow

    arrow = cast("Any", pyarrow)
    text = arrow.string()
    return arrow.schema(
        [
            arrow.field("id", text, nullable=False),
            arrow.field("text", text, nullable=False),
            arrow.field("object_id", text),
            arrow.field("object_type", text),
            arrow.field("document_id", text),
            arrow.field("ordinal", arrow.int32(), nullable=False),
            arrow.field("page", arrow.int32()),
            arrow.field("labels", arrow.list_(arrow.field("item", text, nullable=False)), nullable=False),
            arrow.field(VECTOR, arrow.list_(arrow.float16(), dimensions), nullable=False),
        ]
    )


def to_table(chunks: Sequence[EmbeddedChunk], dimensions: int) -> Arrow:
    """Rows for a table; of an id that comes twice, the last. Refused(vector_invalid)."""
    import pyarrow

    kept = list({each.chunk.id: each for each in chunks}.values())
    arrow = cast("Any", pyarrow)
    vectors = unit_vectors([each.vector for each in kept], dimensions).astype("float16")
    columns: dict[str, object] = {name: [_value(each.chunk, name) for each in kept] for name in CHUNK_COLUMNS}
    columns[VECTOR] = arrow.FixedSizeListArray.from_arrays(arrow.array(vectors.reshape(-1)), dimensions)
    return arrow.table(columns, schema=schema_of(dimensions))


def rows_of(found: Arrow) -> list[Row]:
    return msgspec.convert(found.to_pylist(), list[Row])


def unit_vectors(vectors: Iterable[bytes], dimensions: int) -> "NDArray[np.float32]":
    """One row a vector, each of length 1. Refused(vector_invalid) for a zero, a wrong length, not a number."""
    import numpy as np

    given = list(vectors)
    if any(len(vector) != dimensions * 4 for vector in given):
        raise Refused("vector_invalid", f"A vector must have {dimensions} dimensions here.", dimensions=dimensions)
    read = np.frombuffer(b"".join(given), "<f4").reshape(-1, dimensions).astype(np.float64)
    lengths = np.linalg.norm(read, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise Refused("vector_invalid", "A vector is zero or not finite: it has no direction to compare.")
    return (read / lengths).astype(np.float32)


def _value(chunk: Chunk, column: str) -> object:
    match column:
        case "object_id":
            return chunk.object.id if chunk.object else None
        case "object_type":
            return chunk.object.type if chunk.object else None
        case "labels":
            return [label(key, value) for key, value in chunk.metadata]
        case _:
            return getattr(chunk, column)
