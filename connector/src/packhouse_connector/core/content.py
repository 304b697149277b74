"""Values that carry prompts, answers, texts or secrets: their repr gives nothing of it away."""

from typing import ClassVar

import msgspec


class Content(msgspec.Struct, frozen=True):
    """Base of content: logs, tracebacks and error trackers print values by repr, so that shows no content.

    `SHOWN` names the fields that it does show: ids, counts, states.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.SHOWN)
        facts = "".join(f" {name}={value!r}" for name, value in shown if value is not None)
        return f"<{type(self).__name__}{facts}>"

    def __rich_repr__(self) -> list[tuple[str, str]]:  # rich would look past __repr__
        return []
