"""A control plane on a database of its own, with a clock that the test sets."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.outside.passwords import Argon2Passwords
from packhouse.adapters.sql.store import SqlStore
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.catalog import Offering
from packhouse.domain.company import Company
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor, Role
from packhouse.services.activity import ActivityQuery
from packhouse.services.context import Context
from packhouse.services.control import Control, control
from packhouse.services.ledger import NewContract
from packhouse.services.order import Order
from packhouse.services.user import NewUser
from tests.support.databases import installed, store_url
from tests.support.installation import Installation

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
YEAR = timedelta(days=365)
PASSWORD = "correct horse battery"
PROVIDERS = ("local", "openai_compatible", "bedrock")


@dataclass(frozen=True)
class House:
    """The services, with an operator and a company that has an admin and a contract."""

    installation: Installation
    services: Control
    clock: SetClock
    context: Context
    operator: Actor
    company: Company
    admin: Actor

    async def user(self, email: str, role: Role = "member", company: Company | None = None) -> Actor:
        company = company or self.company
        new = NewUser(email=email, name=email, role=role, company_id=company.id, password=PASSWORD)
        created = await self.services.users.create(self.operator, new)
        return Actor(created.user.id, role, company.id)

    async def rival(self) -> tuple[Company, Actor]:
        """Another company with an admin and cloud tokens."""
        company = await self.services.companies.create(self.operator, "Rival")
        await self.fund(company, 1000)
        return company, await self.user("admin@rival.example", "admin", company)

    async def fund(self, company: Company, cloud_tokens: int, length: timedelta = YEAR) -> None:
        now = self.clock.now()
        new = NewContract(reference="C", start_at=now, end_at=now + length)
        contract = await self.services.entitlements.create_contract(self.operator, company.id, new=new)
        await self.services.entitlements.grant(self.operator, contract.id, cloud_tokens=cloud_tokens)

    def order(self, **changes: object) -> Order:
        fields: dict[str, object] = {
            "company_id": self.company.id,
            "type": "text_generation",
            "display_name": "Chat",
            "region": "eu-central-1",
            "plan": "S",
            "model": "local-text",
        }
        return Order(**(fields | changes))  # type: ignore[arg-type]

    async def provision(self, **changes: object) -> ResourceId:
        view = await self.services.provisioning.provision(self.admin, self.order(**changes))
        return view.resource.id

    async def embeddings(self, name: str = "Embeddings") -> ResourceId:
        return await self.provision(type="embeddings", display_name=name, model="local-embeddings")

    async def knowledge_base(self, embeddings_id: ResourceId, name: str = "Handbook") -> ResourceId:
        return await self.provision(
            type="knowledge_base",
            display_name=name,
            model="",
            plan="Standard",
            embeddings_resource_id=embeddings_id,
        )

    def activity(self, **changes: object) -> ActivityQuery:
        return ActivityQuery(**({"company_id": self.company.id} | changes))  # type: ignore[arg-type]

    async def available(self) -> int:
        return (await self.services.entitlements.balance(self.admin, self.company.id)).available


def context_on(installation: Installation, clock: SetClock) -> Context:
    return Context(
        store=SqlStore(store_url(installation)),
        clock=clock,
        ids=SystemIds(clock),
        passwords=Argon2Passwords(time_cost=1, memory_kib=8),
        catalog=read_catalog(),
        offering=Offering((("eu-central-1", PROVIDERS),)),
        sizes=EmbeddedSizes(installation.journals.parent / "knowledge"),
    )


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    """SQLite, unless `@pytest.mark.parametrize("installation", KINDS, indirect=True)` wants both."""
    with installed(getattr(request, "param", "sqlite"), tmp_path) as made:
        yield made


@pytest.fixture
async def house(installation: Installation) -> AsyncGenerator[House]:
    clock = SetClock(NOW)
    context = context_on(installation, clock)
    assert isinstance(context.store, SqlStore)
    services = control(context)
    first = await services.users.bootstrap(email="operator@example.com", name="Olga", password=PASSWORD)
    assert first is not None
    operator = Actor(first.user.id, "operator")
    company = await services.companies.create(operator, "Example")
    new = NewUser(email="admin@example.com", name="Ada", role="admin", company_id=company.id, password=PASSWORD)
    admin = Actor((await services.users.create(operator, new)).user.id, "admin", company.id)
    made = House(installation, services, clock, context, operator, company, admin)
    await made.fund(company, 200)
    yield made
    await context.store.close()
