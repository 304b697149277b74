"""A crowd of callers for storms: each keeps one connection and asks for chats on it, as many at once as are wanted.

A caller counts nothing itself: what was spent is the upstream's to say.
"""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

ANSWER_SECONDS = 120


class Refusal(msgspec.Struct, frozen=True):
    """What an answer of 429 says of the quota."""

    code: str
    meter: str = ""
    limit: int = 0
    used: int = 0
    held: int = 0
    needed: int = 0


class _Refused(msgspec.Struct, frozen=True):
    error: Refusal


@dataclass(slots=True)
class Caller:
    """One connection to the gateway at `url`. Not for two calls at once."""

    url: str
    key: str
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)

    async def ask(self, text: str, *, output_tokens: int) -> Refusal | None:
        """None where it was answered. Raises `ConnectionError` where the connection ended, `AssertionError` at
        anything but an answer or a refusal for the quota."""
        body = msgspec.json.encode(
            {"model": "default", "max_tokens": output_tokens, "messages": [{"role": "user", "content": text}]}
        )
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, answer = await self._exchange(head.encode() + body)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionError from error
        if status == 200:
            return None
        assert status == 429, (status, answer)
        refusal = msgspec.json.decode(answer, type=_Refused).error
        assert refusal.code == "quota_exhausted", answer
        return refusal

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._writer is None or self._reader is None:
            parts = urlsplit(self.url)
            self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        return int(lines[0].split()[1]), await self._reader.readexactly(length)
