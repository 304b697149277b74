"""How secrets are compared: tokens by their hash, passwords slowly and not too often."""

import hashlib
from datetime import timedelta

from packhouse.domain.errors import Refused
from packhouse.ports.store import Failures
from packhouse.services.context import Context

FAILURES_MAX = 5
FAILURES_WINDOW = timedelta(minutes=15)


def token_hash(token: str) -> bytes:
    """Tokens are random, so a fast hash protects them well."""
    return hashlib.sha256(token.encode()).digest()


async def check_password(context: Context, email: str, *, password: str, hashed: str | None) -> None:
    """Counted as a failure before it is tried, so that many tries at once count too.

    `hashed` None: there is no such account, which must not show. Refused: sign_in_failed, sign_in_throttled.
    """
    now = context.clock.now()
    stale_before = now - FAILURES_WINDOW
    async with context.store.writing() as work:
        known = await work.sign_in.failures(email)
        if known is None or known.since_at < stale_before:
            known = Failures(0, now)
        if known.count >= FAILURES_MAX:
            again_at = known.since_at + FAILURES_WINDOW
            raise Refused(
                "sign_in_throttled",
                f"Too many failed sign-ins for this account. Try again after {again_at:%H:%M} UTC.",
                retry_at=again_at,
            )
        failures = Failures(known.count + 1, known.since_at)
        await work.sign_in.set_failures(email, failures, stale_before=stale_before)
    if not await context.passwords.verify(password, hashed):
        raise Refused("sign_in_failed", "The e-mail address or the password is wrong.")
    async with context.store.writing() as work:
        await work.sign_in.set_failures(email, None, stale_before=stale_before)
