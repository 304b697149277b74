"""Counts the input of a call in the order in which a provider caches it: tools, then system, then messages."""

import hashlib

import msgspec

from packhouse.simulators import tokens


class Tally:
    """Sums up tokens; remembers where the last cache mark stood and what came before it."""

    def __init__(self) -> None:
        self.total = tokens.PER_CALL
        self.cached = 0
        self.prefix = b""
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, count: int, what: object, *, marked: bool = False) -> None:
        """`count` tokens for `what`; a mark says that all up to here is to be cached."""
        self.total += count
        self._hash.update(msgspec.json.encode(what))
        if marked:
            self.mark()

    def mark(self) -> None:
        """All up to here is to be cached."""
        self.cached = self.total
        self.prefix = self._hash.copy().digest()
