"""Clock, ids and passwords from outside."""

from datetime import UTC, datetime, timedelta

import pytest

from packhouse.adapters.outside.clock import SetClock, SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.outside.passwords import Argon2Passwords

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_clocks_are_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
    clock = SetClock(NOW)
    assert clock.advance(timedelta(hours=1)) == clock.now() == NOW + timedelta(hours=1)


def test_ids_sort_by_their_making_even_where_the_clock_steps_back() -> None:
    clock = SetClock(NOW)
    ids = SystemIds(clock)
    made: list[str] = []
    for step in (0, 0, 1, -5, 3600):
        clock.advance(timedelta(seconds=step))
        made += [ids.new("res") for _ in range(100)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(one.startswith("res_") and len(one) == 30 for one in made)
    assert SystemIds(SetClock(NOW + timedelta(days=1))).new("res") > made[-1]


def test_secrets_are_base_62() -> None:
    secret = SystemIds(SetClock(NOW)).secret(64)
    assert len(secret) == 64
    assert secret.isascii()
    assert secret.isalnum()


@pytest.mark.anyio
async def test_passwords() -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify("correct horse", hashed)
    assert not await passwords.verify("wrong horse", hashed)
    assert not await passwords.verify("correct horse", None)
    assert not await passwords.verify("correct horse", "not a hash")
