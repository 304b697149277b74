"""Imported first by the process of a part: keeps out what only a terminal needs, and threads that would only wait.

structlog loads rich for its coloured tracebacks wherever rich is installed, which costs a part a tenth of a second
and 8 MB; parts write JSON.

OpenBLAS, under numpy, reads how many threads to start when numpy is loaded, be it by the vector engine or by the local
embeddings model, whichever comes first. Matrices here are small: multiplying 32 x 512 by 512 x 512 takes 0.4 ms in one
thread and, on two busy cores, 24 to 36 ms in two. What the operator's environment says goes before.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.modules.setdefault("rich", None)  # type: ignore[arg-type] - makes `import rich` fail as if it were not there


def without_terminal() -> bool:
    """Whether it was imported early enough."""
    return sys.modules["rich"] is None  # type: ignore[comparison-overlap]
