"""Files to upload, from the disk or from memory."""

from os import PathLike
from pathlib import Path


def named_file(file: str | PathLike[str] | bytes, name: str | None) -> tuple[bytes, str]:
    """The bytes of a file and the name it goes by. Raises OSError where it cannot be read."""
    if isinstance(file, bytes):
        if name is None:
            raise TypeError("bytes need a name, such as name='handbook.pdf'")
        return file, name
    path = Path(file)
    return path.read_bytes(), name or path.name
