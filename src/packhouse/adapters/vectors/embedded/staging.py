"""Files on their way into a collection: kept in the knowledge base's own directory until they are indexed."""

from contextlib import suppress
from pathlib import Path

from packhouse.adapters.vectors.embedded.durable import write_whole
from packhouse.adapters.vectors.embedded.locks import locked
from packhouse.adapters.vectors.embedded.names import safe_name
from packhouse.domain.units import DocumentId


class Staging:
    """Blocking: for threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def stage(self, document_id: DocumentId, data: bytes) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        with locked(self._directory / "lock"):  # the same file may come twice at the same time
            write_whole(self._path(document_id), data)

    def staged(self, document_id: DocumentId) -> bytes | None:
        try:
            return self._path(document_id).read_bytes()
        except FileNotFoundError:
            return None

    def unstage(self, document_id: DocumentId) -> None:
        with suppress(FileNotFoundError):
            self._path(document_id).unlink()

    def _path(self, document_id: DocumentId) -> Path:
        return self._directory / safe_name(document_id)
