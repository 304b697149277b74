"""Messages to webhooks by HTTP/1.1: one connection a message, signed, never to an address that is not allowed.

The name is looked up here and the connection goes to the address that was looked at, so that a name which changes its
mind between the two leads nowhere. Redirects are not followed. Of the answer only its status is read.
"""

import asyncio
import socket
import ssl
from urllib.parse import urlsplit

import packhouse
from packhouse.domain.errors import Refused
from packhouse.domain.webhook import is_public, sign
from packhouse.ports.notify import Failed, Message
from packhouse.ports.outside import Clock
from packhouse.services.webhook_url import PORTS, checked_url

ANSWER_SECONDS = 10.0
HEAD_BYTES_MAX = 64 * 1024
INTERIM_MAX = 8


class _Unsent(Exception):
    """Why it came to no answer, in a few words."""

    def __init__(self, error: str, *, for_good: bool = False) -> None:
        super().__init__(error)
        self.failed = Failed(error, for_good=for_good)


class HttpWebhooks:
    """See `ports.notify.Webhooks`. `private`: addresses that are not public, and plain http, are allowed."""

    def __init__(self, clock: Clock, *, private: bool, tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._private = private
        self._tls = tls or ssl.create_default_context()

    async def post(self, message: Message) -> Failed | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status = await self._post(message)
        except _Unsent as unsent:
            return unsent.failed
        except TimeoutError:
            return Failed("timeout")
        except ssl.SSLError:
            return Failed("tls failed")
        except OSError:
            return Failed("connection failed")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return Failed("malformed answer")
        if 200 <= status < 300:
            return None
        return Failed(f"status {status}", for_good=status == 410, gone=status == 410)

    async def _post(self, message: Message) -> int:
        """The status of the answer."""
        try:
            url = urlsplit(checked_url(message.url, private=self._private))
        except Refused as refused:  # the operator no longer allows what was allowed when it was added
            raise _Unsent("address refused", for_good=True) from refused
        port = url.port or PORTS[url.scheme]
        assert url.hostname is not None
        address = await self._address(url.hostname, port)
        secure = url.scheme == "https"
        reader, writer = await asyncio.open_connection(
            address,
            port,
            limit=HEAD_BYTES_MAX,
            ssl=self._tls if secure else None,
            server_hostname=url.hostname if secure else None,
        )
        try:
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            writer.write(self._head(message, host=url.netloc, target=target) + message.body)
            await writer.drain()
            return await _status(reader)
        finally:
            writer.transport.abort()

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise _Unsent("name unknown") from error
        addresses = [str(place[0]) for *_, place in found]
        if not self._private and not all(is_public(address) for address in addresses):
            raise _Unsent("address refused")
        return addresses[0]

    def _head(self, message: Message, *, host: str, target: str) -> bytes:
        timestamp = self._clock.microseconds() // 1_000_000
        signatures = [
            sign(secret.raw, message.id, timestamp=timestamp, body=message.body) for secret in message.secrets
        ]
        lines = (
            f"POST {target} HTTP/1.1",
            f"host: {host}",
            f"user-agent: Packhouse/{packhouse.__version__}",
            "content-type: application/json",
            f"content-length: {len(message.body)}",
            f"webhook-id: {message.id}",
            f"webhook-timestamp: {timestamp}",
            f"webhook-signature: {' '.join(signatures)}",
            "connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode("ascii")


async def _status(reader: asyncio.StreamReader) -> int:
    """Of the final answer, those in between (`100 Continue`) passed over."""
    for _ in range(INTERIM_MAX):
        head = await reader.readuntil(b"\r\n\r\n")
        version, _, rest = head.partition(b" ")
        status = int(rest[:3])
        if not version.startswith(b"HTTP/1.") or not 100 <= status <= 599:
            raise ValueError(version)
        if status >= 200:
            return status
    raise ValueError("no answer after all")
