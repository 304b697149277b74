"""What became of a request on its way through the gate: for the headers of its answer."""

from contextvars import ContextVar
from time import perf_counter_ns

from packhouse.ports.meter import Hold


class Trace:
    """One request. `hold` is that of its call, the last one where it made several."""

    __slots__ = ("begun_ns", "hold", "sent_ns", "waited_ns")

    def __init__(self) -> None:
        self.begun_ns = perf_counter_ns()
        self.hold: Hold | None = None
        self.sent_ns = 0
        self.waited_ns = 0

    def sent(self) -> None:
        """A call leaves for its provider; a second attempt is part of the same wait."""
        self.sent_ns = self.sent_ns or perf_counter_ns()

    def answered(self) -> None:
        """It came back whole, or will not."""
        if self.sent_ns:
            self.waited_ns += perf_counter_ns() - self.sent_ns
            self.sent_ns = 0

    def own_ns(self) -> int:
        """What was not spent waiting for a provider until now; for a stream, until its first piece."""
        now = perf_counter_ns()
        waiting = now - self.sent_ns if self.sent_ns else 0
        return max(0, now - self.begun_ns - self.waited_ns - waiting)


TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The request that this task works for; None where nobody asks."""
