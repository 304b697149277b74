"""Passwords hashed with Argon2id, in a thread."""

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
"""Each takes 64 MiB while it runs: a burst of sign-ins must not take the machine's memory."""


class Argon2Passwords:
    """The costs are the library's, or lower ones for tests and trials."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65_536) -> None:
        hasher = Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._hashes = PasswordHash((hasher,))
        self._of_nobody: str | None = None
        self._limiter = CapacityLimiter(AT_ONCE)

    async def hash(self, password: str) -> str:
        return await run_sync(self._hashes.hash, password, limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> bool:
        if hashed is None:
            if self._of_nobody is None:
                self._of_nobody = await self.hash("nobody's password")
            await self._verify(password, self._of_nobody)
            return False
        return await self._verify(password, hashed)

    async def _verify(self, password: str, hashed: str) -> bool:
        try:
            return await run_sync(self._hashes.verify, password, hashed, limiter=self._limiter)
        except UnknownHashError:
            return False
