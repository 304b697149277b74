"""Ids as names of files: nothing that an id can say leads out of its directory."""

import re

from packhouse.domain.errors import Refused

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}")


def safe_name(name: str) -> str:
    """The id itself; Refused(not_found) for what no id of ours looks like."""
    if not _SAFE.fullmatch(name):
        raise Refused("not_found", "There is no such thing in this knowledge base.")
    return name
