"""A process that handles prompts must not leave its memory on a disk when it crashes."""

import ctypes
import resource

PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """No core file, and none through a crash handler either, which the size limit alone does not stop."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
