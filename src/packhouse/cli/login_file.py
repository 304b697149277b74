"""What `packhouse login` keeps: where, and a personal access token that only its owner reads."""

import os
from pathlib import Path

import msgspec

from packhouse.cli.ending import REFUSED, Ended


class Login(msgspec.Struct, frozen=True):
    url: str
    token: str
    token_id: str = ""


def path() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "packhouse" / "login.json"


def stored() -> Login | None:
    try:
        return msgspec.json.decode(path().read_bytes(), type=Login)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise Ended(f"{path()} cannot be read: log in again, or remove it.", REFUSED) from error


def keep(login: Login) -> Path:
    """Readable by its owner from its first byte on."""
    place = path()
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = place.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(login))
        fresh.replace(place)
    except OSError as error:
        raise Ended(f"{place} cannot be written: {error.strerror}.", REFUSED) from error
    return place


def forget() -> None:
    path().unlink(missing_ok=True)
