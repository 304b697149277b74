"""Headers of the answers to calls: what served them, what is left of the quota, what they cost in time here."""

from datetime import datetime

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.ports.meter import Call, Hold, Meter
from packhouse.services.models import Models
from packhouse.services.trace import TRACE, Trace

MEMORY_MAX = 4096
DAY = 86_400_000_000
"""Microseconds."""


class Stamps:
    """A handler that stamps the replies of another. The reference lists the headers: `HEADERS`."""

    def __init__(self, handler: Handler, *, meter: Meter, models: Models) -> None:
        self._handler = handler
        self._meter = meter
        self._models = models
        self._served = dict[tuple[str, str], str]()
        self._refills = dict[datetime, str]()
        self._day = 0

    async def __call__(self, request: Request) -> Reply:
        trace = Trace()
        TRACE.set(trace)
        reply = await self._handler(request)
        if trace.hold is not None:
            reply.lines += self._of(trace.hold, trace)
        return reply

    async def admits(self, request: Request) -> bool:
        """Whether the request's key opens anything; a route that refuses it says why."""
        try:
            await authorise(request, self._meter)
        except Refused:
            return False
        return True

    def _of(self, hold: Hold, trace: Trace) -> bytes:
        left = self._meter.left(hold)
        amounts = ", ".join([f"{meter}={amount}" for meter, amount in left.meters])
        day = hold.started_at // DAY
        if day != self._day or len(self._served) >= MEMORY_MAX:
            self._day = day  # an answer says more on the day that its model becomes legacy
            self._served.clear()
        call = hold.call
        served = self._served.get((call.pack.id, call.model)) or self._served_by(call)
        refill = self._refills.get(left.refill_at) or self._refill(left.refill_at)
        cap = ""
        if hold.output_tokens < call.output_tokens:
            cap = f"x-packhouse-output-cap: {hold.output_tokens}\r\n"
        return (
            f"{served}{cap}x-packhouse-quota-left: {amounts}\r\nx-packhouse-quota-refill: {refill}\r\n"
            f"x-packhouse-overhead-ms: {trace.own_ns() / 1e6:.3f}\r\n"
        ).encode("ascii")

    def _served_by(self, call: Call) -> str:
        said = self._models.served(call.pack, call.model)
        lines = [f"x-packhouse-{name}: {value}" for name, value in said.items() if value]
        assert not any("\n" in line for line in lines), "a header has a line break in it"
        known = "".join([f"{line}\r\n" for line in lines]).encode("ascii", "replace").decode("ascii")
        self._served[call.pack.id, call.model] = known
        return known

    def _refill(self, at: datetime) -> str:
        if len(self._refills) >= MEMORY_MAX:
            self._refills.clear()
        text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        self._refills[at] = text
        return text


HEADERS = {
    "x-packhouse-model": "The catalog's id of the model that answered.",
    "x-packhouse-region": "The region of the resource.",
    "x-packhouse-serving-regions": "The regions that may have served the call, where that is cross-region inference.",
    "x-packhouse-life-cycle": "A warning where the model is legacy: since when, and when it ends.",
    "x-packhouse-output-cap": "The output cap that was sent to the provider, where less was left than was asked for.",
    "x-packhouse-quota-left": "What is left in the bundle month on each meter, running calls held at their worst case.",
    "x-packhouse-quota-refill": "The instant from which the whole quota is there again.",
    "x-packhouse-overhead-ms": "Milliseconds spent in the gateway itself; for a stream, until its first piece.",
}
"""Every header that a reply to a call may have, for the reference."""
