"""Values that carry prompts, answers, texts or secrets: their repr gives nothing of it away."""

import msgspec


class Content(msgspec.Struct, frozen=True):
    """Base of content: logs, tracebacks and error trackers print values by repr, so that must say nothing."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, str]]:  # rich would look past __repr__
        return []
