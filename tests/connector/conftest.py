"""A fresh test gateway, and a connector to it that does not wait between attempts."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from packhouse_connector import AsyncPackhouse, Packhouse, Retries
from tests.connector.gateway import Gateway, running

PROMPT = Retries(wait_seconds_first=0.0)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


@pytest.fixture
def ph(gateway: Gateway) -> Iterator[Packhouse]:
    with Packhouse(gateway.connection_string, retries=PROMPT) as ph:
        yield ph


@pytest.fixture
async def async_ph(gateway: Gateway) -> AsyncIterator[AsyncPackhouse]:
    async with AsyncPackhouse(gateway.connection_string, retries=PROMPT) as ph:
        yield ph


@pytest.fixture
def unused_port() -> Iterator[Callable[[], int]]:
    """Ports on which nobody listens; they are held, so that nobody else takes them meanwhile."""
    held = list[socket.socket]()

    def port() -> int:
        held.append(socket.socket())
        held[-1].bind(("127.0.0.1", 0))
        return held[-1].getsockname()[1]

    yield port
    for one in held:
        one.close()
