"""What must never be written: prompts, answers, chunk texts and vectors on their way through."""

import msgspec


class Content(msgspec.Struct, frozen=True, kw_only=False):
    """Base of every value that carries content: its repr names the type and nothing else.

    Logs, traces and assertion messages print values by repr, so content cannot slip into them by accident.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, str]]:  # rich would look past __repr__
        return []
