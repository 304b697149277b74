"""A live control part in this process: the real application over a real SQLite store, with a clock that is set."""

import asyncio
import io
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.outside.passwords import Argon2Passwords
from packhouse.adapters.sql.store import SqlStore
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.catalog import Offering
from packhouse.entrypoints.portal.site import Site
from packhouse.services.context import Context
from packhouse.services.control import control
from packhouse.wiring.control import control_app

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
PASSWORD = "correct horse battery"
OPERATOR = "operator@example.com"
GATEWAY = "https://genai.example.com"
PROVIDERS = ("local", "openai_compatible", "bedrock")

Json = dict[str, Any]

CLIENT = httpx.Client(timeout=30)
"""One for all: to make one takes longer than a request."""


@dataclass(frozen=True, slots=True)
class Api:
    """The management API as somebody (or, without a token, as nobody)."""

    url: str
    token: str = ""

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        credential = {"authorization": f"Bearer {self.token}"} if self.token else {}
        address = f"{self.url}/api/v1{path}"
        return CLIENT.request(method, address, headers={**credential, **(headers or {})}, **more)

    def get(self, path: str, **query: Any) -> Json:
        return self._ok(self.call("GET", path, params=query))

    def post(self, path: str, body: object = None, **headers: str) -> Json:
        return self._ok(self.call("POST", path, json=body, headers=headers))

    def patch(self, path: str, body: object) -> Json:
        return self._ok(self.call("PATCH", path, json=body))

    def put(self, path: str, body: object = None) -> Json:
        return self._ok(self.call("PUT", path, json=body))

    def delete(self, path: str) -> Json:
        return self._ok(self.call("DELETE", path))

    def refused(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """The status and the error of a request that must not go through."""
        response = self.call(method, path, json=body) if body is not None else self.call(method, path)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["error"]

    def code(self, method: str, path: str, body: object = None) -> str:
        return self.refused(method, path, body)[1]["code"]

    @staticmethod
    def _ok(response: httpx.Response) -> Json:
        assert response.is_success, f"{response.status_code} {response.text}"
        return response.json() if response.content else {}


@dataclass(frozen=True, slots=True)
class Firm:
    """A company with cloud tokens, an admin and a member."""

    id: str
    contract_id: str
    admin: Api
    admin_email: str
    admin_id: str
    member: Api
    member_email: str
    member_id: str

    def order(self, **changes: object) -> Json:
        order: Json = {
            "type": "text_generation",
            "display_name": "Chat",
            "region": "eu-central-1",
            "plan": "S",
            "model": "local-text",
        }
        return order | changes

    def provision(self, **changes: object) -> Json:
        return self.admin.post(f"/companies/{self.id}/resources", self.order(**changes))

    def embeddings(self) -> Json:
        return self.provision(type="embeddings", display_name="Embeddings", model="local-embeddings")

    def knowledge_base(self, embeddings_id: str) -> Json:
        return self.provision(
            type="knowledge_base",
            display_name="Handbook",
            model="",
            plan="Standard",
            embeddings_resource_id=embeddings_id,
        )


@dataclass(slots=True)
class Live:
    """`nobody` has no token, `operator` is the first user. `log` is what the part has logged, a JSON object a line."""

    url: str
    clock: SetClock
    nobody: Api
    operator: Api
    log: io.StringIO
    _firms: int = field(default=0)

    def firm(self, cloud_tokens: int = 500) -> Firm:
        """A new company."""
        self._firms += 1
        number = self._firms
        company = self.operator.post("/companies", {"name": f"Company {number}"})["id"]
        instants = {"start_at": NOW.isoformat(), "end_at": (NOW + timedelta(days=365)).isoformat()}
        contract = self.operator.post(f"/companies/{company}/contracts", {"reference": f"C-{number}", **instants})["id"]
        self.operator.post(f"/contracts/{contract}/grants", {"cloud_tokens": cloud_tokens})
        admin, member = f"admin{number}@example.com", f"member{number}@example.com"
        return Firm(
            company,
            contract,
            admin_id=self.user(admin, "admin", company),
            admin=self.sign_in(admin),
            admin_email=admin,
            member_id=self.user(member, "member", company),
            member=self.sign_in(member),
            member_email=member,
        )

    def user(self, email: str, role: str, company_id: str | None) -> str:
        body = {"email": email, "name": email, "role": role, "company_id": company_id, "password": PASSWORD}
        return self.operator.post("/users", body)["user"]["id"]

    def sign_in(self, email: str, password: str = PASSWORD) -> Api:
        return Api(self.url, self.nobody.post("/sessions", {"email": email, "password": password})["token"])


@contextmanager
def live_control(directory: Path) -> Generator[Live]:
    """Served from a thread on a free port, ended with the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own sockets only
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    clock = SetClock(NOW)
    up = threading.Event()
    servers: list[uvicorn.Server] = []
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(_serve(directory, clock, url=url, listening=listening, servers=servers, up=up))
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            up.set()

    thread = threading.Thread(target=serve, daemon=True)
    with _logging() as log:
        thread.start()
        assert up.wait(60)
        assert not failures, failures
        nobody = Api(url)
        try:
            operator = Api(url, nobody.post("/sessions", {"email": OPERATOR, "password": PASSWORD})["token"])
            yield Live(url, clock, nobody, operator, log)
        finally:
            servers[0].should_exit = True
            thread.join(20)
            listening.close()


@contextmanager
def _logging() -> Generator[io.StringIO]:
    """What is logged meanwhile."""
    before = structlog.get_config()
    log = io.StringIO()
    processors = [structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()]
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(log))
    try:
        yield log
    finally:
        structlog.configure(**before)


async def _serve(
    directory: Path,
    clock: SetClock,
    *,
    url: str,
    listening: socket.socket,
    servers: list[uvicorn.Server],
    up: threading.Event,
) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{directory / 'packhouse.db'}")
    await store.migrate()
    context = Context(
        store=store,
        clock=clock,
        ids=SystemIds(clock),
        passwords=Argon2Passwords(time_cost=1, memory_kib=8),
        catalog=read_catalog(),
        offering=Offering((("eu-central-1", PROVIDERS),)),
        sizes=EmbeddedSizes(directory / "knowledge"),
    )
    services = control(context)
    await services.users.bootstrap(email=OPERATOR, name="Olga", password=PASSWORD)
    site = Site(services, context.catalog, clock, context.ids, public_url=url, gateway_url=GATEWAY)
    config = uvicorn.Config(control_app(site, store), lifespan="off", log_config=None, ws="none")
    server = _Server(config, up)
    servers.append(server)
    try:
        await server.serve(sockets=[listening])
    finally:
        await store.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, up: threading.Event) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()
