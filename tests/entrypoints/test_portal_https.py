"""Behind TLS the portal holds browsers to it: cookies, transport, and where forms come from."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import cast

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.entrypoints.portal.router import portal_router
from packhouse.entrypoints.portal.site import Site
from packhouse.services.control import Control

pytestmark = pytest.mark.anyio

PUBLIC = "https://packs.example.com"


@pytest.fixture
async def client() -> AsyncGenerator[AsyncTestClient[Litestar]]:
    """Of a portal without services: its first pages need none."""
    clock = SetClock(datetime(2026, 1, 31, tzinfo=UTC))
    nothing = cast("Control", None)
    site = Site(nothing, read_catalog(), clock, SystemIds(clock), public_url=PUBLIC, gateway_url=PUBLIC)
    app = Litestar([portal_router(site)], openapi_config=None)
    async with AsyncTestClient(app, base_url="http://inside:8711") as client:
        yield client


async def test_cookies_and_transport(client: AsyncTestClient[Litestar]) -> None:
    response = await client.get("/sign-in")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-packhouse_visitor=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie
    assert response.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        (PUBLIC, True),
        ("http://inside:8711", True),
        ("http://packs.example.com", False),
        ("https://packs.example.com.evil.example", False),
        ("https://evil.example", False),
        ("null", False),
        ("https://[", False),
    ],
)
async def test_forms_come_from_the_public_address_or_the_one_that_was_asked(
    client: AsyncTestClient[Litestar], origin: str, accepted: bool
) -> None:
    """What is accepted is turned down later, for its token."""
    response = await client.post("/sign-in", headers={"origin": origin}, data={"csrf": "x"})
    assert response.status_code == 403
    assert ("another site" not in response.text) == accepted
