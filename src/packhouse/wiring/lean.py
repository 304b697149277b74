"""Imported first by the process of a part: keeps out what only a terminal needs.

structlog loads rich for its coloured tracebacks wherever rich is installed, which costs a part a tenth of a second
and 8 MB; parts write JSON.
"""

import sys

sys.modules.setdefault("rich", None)  # type: ignore[arg-type] - makes `import rich` fail as if it were not there


def without_terminal() -> bool:
    """Whether it was imported early enough."""
    return sys.modules["rich"] is None  # type: ignore[comparison-overlap]
