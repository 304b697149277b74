"""Walks through a long listing page by page."""

import msgspec

PAGE = 200
"""How many items are asked for at a time."""


class Window(msgspec.Struct, frozen=True):
    """A page to ask for."""

    offset: int
    limit: int


class Walk:
    """Says which page comes next, until `limit` items were taken (None: all) or a page comes short."""

    def __init__(self, offset: int = 0, limit: int | None = None) -> None:
        self._offset = offset
        self._left = limit
        self._over = False

    @property
    def window(self) -> Window | None:
        """The page to ask for; None where the walk is over."""
        size = PAGE if self._left is None else min(PAGE, self._left)
        return None if self._over or size <= 0 else Window(self._offset, size)

    def took(self, items: int) -> None:
        """Says how many items the page had."""
        window = self.window
        assert window is not None, "no page was due"
        self._over = items < window.limit
        self._offset += items
        if self._left is not None:
            self._left -= items
