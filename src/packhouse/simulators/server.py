"""A simulator: one provider's server on the running event loop."""

import asyncio
import ssl
import time
from collections.abc import Sequence

import msgspec

from packhouse.simulators.answer import Model
from packhouse.simulators.connection import Connection
from packhouse.simulators.control import PREFIX, Control, Listening
from packhouse.simulators.delivery import Delivery
from packhouse.simulators.dialect import Credentials, Dialect, Provider, Rejected
from packhouse.simulators.http import Reply, Request
from packhouse.simulators.replay import Replay
from packhouse.simulators.rules import Fault, Rule, RulesUnreadable, Script, fault_of
from packhouse.simulators.seen import Seen, SeenCall

_BACKLOG = 2048
FAULT_HEADER = "x-simulator-fault"


class Simulator:
    """One provider's server. `seen` is what it saw; `url` and `port` are known once it has started."""

    def __init__(
        self,
        dialect: Dialect,
        credentials: Credentials,
        *,
        rules: Sequence[Rule] = (),
        replay: Replay | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.credentials = credentials
        self.seen = Seen()
        self._dialect = dialect
        self._script = Script(rules)
        self._model = Model()
        self._replay = replay
        self._tls = tls
        self._control = Control(self._script, self.seen, listen=self._relisten, replay=replay)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._host, self._port = "127.0.0.1", 0
        self._relistening: set[asyncio.Task[None]] = set()

    # what a test or the command calls

    @property
    def name(self) -> Provider:
        return self._dialect.name

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Without a path: clients that want `/v1` add it."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    def play(self, *rules: Rule) -> None:
        """From now on these rules."""
        self._script.play(rules)

    def fail(self, fault: Fault) -> None:
        """Lets calls fail, beginning with the next; `fault.times` of them, 0 for all until `clear`."""
        self._script.fail(fault)

    def clear(self) -> None:
        """No waiting fault happens any more."""
        self._script.clear()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 picks a free one. Raises `OSError`."""
        self._host, self._port = host, port
        await self.listen(Listening())

    async def stop(self) -> None:
        """Closes the port and every connection."""
        for task in self._relistening:
            task.cancel()
        await self._close()

    async def listen(self, how: Listening) -> None:
        """Changes how new connections are met; those that are open end."""
        await self._close()
        if how.mode != "refuse":
            await self._open(broken=how.mode == "break_tls")
        if how.seconds and how.mode != "accept":
            await asyncio.sleep(how.seconds)
            await self.listen(Listening())

    async def refuse(self) -> None:
        """Closes the port and every connection: connecting is refused until `accept`."""
        await self.listen(Listening(mode="refuse"))

    async def break_tls(self) -> None:
        """From now on every TLS handshake fails, until `accept`."""
        await self.listen(Listening(mode="break_tls"))

    async def accept(self) -> None:
        """Connections are taken again, on the same port."""
        await self.listen(Listening())

    # how it listens

    async def _open(self, *, broken: bool) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            _BrokenTls if broken else self._connection,
            self._host,
            self._port,
            ssl=None if broken else self._tls,
            backlog=_BACKLOG,
            reuse_address=True,
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.drop()
        await asyncio.sleep(0)

    def _relisten(self, how: Listening) -> None:
        async def later() -> None:
            await asyncio.sleep(0.01)  # the page that asked for it is answered first
            await self.listen(how)

        task = asyncio.get_running_loop().create_task(later())
        self._relistening.add(task)
        task.add_done_callback(self._relistening.discard)

    def _connection(self) -> Connection:
        return Connection(self._take, seen=self.seen, connections=self._connections)

    # how it answers

    def _take(self, request: Request) -> Delivery:
        if request.path.startswith(PREFIX):
            return Delivery(reply=self._control.answer(request), dialect=self._dialect)
        seen = SeenCall(
            method=request.method,
            path=request.route,
            headers=dict(request.headers),
            body=request.body,
            received_ns=time.monotonic_ns(),
        )
        self.seen.add(seen)
        try:
            delivery = self._answer(request, seen)
        except Rejected as rejected:
            delivery = Delivery(reply=self._dialect.error(rejected), dialect=self._dialect, seen=seen)
        seen.status = delivery.reply.status
        seen.fault = delivery.fault.kind if delivery.fault else seen.fault
        return delivery

    def _answer(self, request: Request, seen: SeenCall) -> Delivery:
        fault = self._fault(request)
        if fault and fault.kind == "status":
            return self._failure(fault, seen)
        self._dialect.authorise(request)
        if self._replay and (recorded := self._replay.find(request)):
            return self._ready(recorded, seen, fault=fault)
        call = self._dialect.read(request)
        if isinstance(call, Reply):
            return self._ready(call, seen, fault=fault)
        asked = call.asked
        seen.model = asked.model
        rule, own = self._script.choose(seen.path, model=asked.model, text=asked.text)
        fault = fault or own
        if fault and (fault.kind == "status" or (fault.kind == "event" and not asked.streams)):
            return self._failure(fault, seen)
        answer = self._model.answer(asked, rule)
        seen.usage = answer.usage
        return Delivery(
            reply=call.stream(answer) if asked.streams else call.whole(answer),
            dialect=self._dialect,
            seen=seen,
            fault=fault,
            first_delay_seconds=rule.first_delay_seconds,
            piece_delay_seconds=rule.piece_delay_seconds,
            each_at_once=rule.stamps,
        )

    def _ready(self, reply: Reply, seen: SeenCall, *, fault: Fault | None) -> Delivery:
        """A reply that no rule has a say in."""
        if fault and fault.kind == "event" and reply.frames is None:
            return self._failure(fault, seen)
        return Delivery(reply=reply, dialect=self._dialect, seen=seen, fault=fault)

    def _fault(self, request: Request) -> Fault | None:
        said = request.header(FAULT_HEADER)
        if not said:
            return self._script.fault(request.route)
        try:
            return fault_of(said)
        except RulesUnreadable as error:
            raise Rejected(400, str(error)) from error

    def _failure(self, fault: Fault, seen: SeenCall) -> Delivery:
        """The provider's own error, at once."""
        seen.fault = fault.kind
        reply = self._dialect.error(Rejected(fault.status, fault.message, code=fault.code))
        if fault.retry_after:
            reply = msgspec.structs.replace(reply, headers=(*reply.headers, ("retry-after", fault.retry_after)))
        return Delivery(reply=reply, dialect=self._dialect, seen=seen)


class _BrokenTls(asyncio.Protocol):
    """Answers a handshake with what is none."""

    _transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(b"no TLS here\r\n")
        self._transport.close()
