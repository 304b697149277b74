"""Headers of the answers to calls: what served them, what is left of the quota, what they cost in time here."""

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.http import Handler, Headers, Reply, Request
from packhouse.ports.meter import Hold, Meter
from packhouse.ports.outside import Clock
from packhouse.services.models import Models
from packhouse.services.trace import TRACE, Trace

MEMORY_MAX = 4096


class Stamps:
    """A handler that stamps the replies of another. The reference lists the headers: `HEADERS`."""

    def __init__(self, handler: Handler, *, meter: Meter, models: Models, clock: Clock) -> None:
        self._handler = handler
        self._meter = meter
        self._models = models
        self._clock = clock
        self._served = dict[tuple[str, str, str], Headers]()

    async def __call__(self, request: Request) -> Reply:
        trace = Trace()
        TRACE.set(trace)
        reply = await self._handler(request)
        if trace.hold is not None:
            reply.headers += self._of(trace.hold, trace)
        return reply

    async def admits(self, request: Request) -> bool:
        """Whether the request's key opens anything; a route that refuses it says why."""
        try:
            await authorise(request, self._meter)
        except Refused:
            return False
        return True

    def _of(self, hold: Hold, trace: Trace) -> Headers:
        left = self._meter.left(hold)
        amounts = ", ".join(f"{meter}={amount}" for meter, amount in left.meters)
        return (
            *self._served_by(hold),
            (b"x-packhouse-quota-left", amounts.encode()),
            (b"x-packhouse-quota-refill", left.refill_at.isoformat(timespec="seconds").replace("+00:00", "Z").encode()),
            (b"x-packhouse-overhead-ms", b"%.3f" % (trace.own_ns() / 1e6)),
        )

    def _served_by(self, hold: Hold) -> Headers:
        pack = hold.call.pack
        day = str(self._clock.now().date())
        place = (pack.id, hold.call.model, day)
        known = self._served.get(place)
        if known is None:
            if len(self._served) >= MEMORY_MAX:
                self._served.clear()
            known = self._served[place] = tuple(
                (f"x-packhouse-{name}".encode(), value.encode("ascii", "replace"))
                for name, value in self._models.served(pack, hold.call.model).items()
                if value
            )
        return known


HEADERS = {
    "x-packhouse-model": "The catalog's id of the model that answered.",
    "x-packhouse-region": "The region of the resource.",
    "x-packhouse-serving-regions": "The regions that may have served the call, where that is cross-region inference.",
    "x-packhouse-life-cycle": "A warning where the model is legacy: since when, and when it ends.",
    "x-packhouse-quota-left": "What is left in the bundle month on each meter, running calls held at their worst case.",
    "x-packhouse-quota-refill": "The instant from which the whole quota is there again.",
    "x-packhouse-overhead-ms": "Milliseconds spent in the gateway itself; for a stream, until its first piece.",
}
"""Every header that a reply to a call may have, for the reference."""
