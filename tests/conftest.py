"""What holds for every test: the network is off, asyncio is the loop, Hypothesis has no deadline."""

import os

import pytest
from hypothesis import settings

from tests.support import network

pytest_plugins = ["tests.support.needs"]

# Two busy cores make any deadline a coin toss; CI draws the same examples every time.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")

network.switch_off()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
