"""The operator's one-time link of the first start, in a file that only its owner reads, until it is used."""

import hashlib
import os
from contextlib import closing

from packhouse.adapters.database.connection import connect
from packhouse.domain.errors import Refused
from packhouse.settings import Settings
from packhouse.wiring.layout import database_of, layout_of

_PATH = "/link/"


def write_link(settings: Settings, control_url: str, *, token: str) -> str:
    """The link, as it now stands in the file. Refused(data_directory_unusable)."""
    link = f"{control_url}{_PATH}{token}"
    path = layout_of(settings).first_link
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(link + "\n")
    except OSError as error:
        raise Refused("data_directory_unusable", f"{path} cannot be written: {error.strerror}.") from error
    return link


def unused_link(settings: Settings, control_url: str) -> str:
    """The link that still waits for its operator, with the address of this start; empty where none does.

    The file of a link that was used is removed.
    """
    path = layout_of(settings).first_link
    try:
        token = path.read_text("utf-8").strip().rpartition(_PATH)[2]
    except (OSError, UnicodeDecodeError):
        return ""
    if _waits(settings, token):
        return write_link(settings, control_url, token=token)
    path.unlink(missing_ok=True)
    return ""


def _waits(settings: Settings, token: str) -> bool:
    """Looked up without the libraries of the control plane: this is the process that supervises."""
    hashed = hashlib.sha256(token.encode()).digest()
    with closing(connect(database_of(settings), durable=False)) as database:
        return bool(database.run("SELECT 1 FROM link_token WHERE token_hash = ?", (hashed,)))
