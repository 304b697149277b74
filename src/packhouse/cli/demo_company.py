"""The demo's company: made through the REST API as its operator and its admin would make it."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from packhouse.cli.demo_models import EMBEDDED, DemoModels
from packhouse.wiring.installation import FirstOperator

Tell = Callable[[str], None]

COMPANY = "Northwind Harbour"
CLOUD_TOKENS = 200


class Login(msgspec.Struct, frozen=True):
    email: str
    password: str


class Logins(msgspec.Struct, frozen=True):
    operator: Login
    admin: Login
    member: Login


class DemoKeys(msgspec.Struct, frozen=True):
    """One key a resource, and `all`: the knowledge base's, opened to the text pack as well."""

    text: str
    embeddings: str
    knowledge: str
    all: str


class Resources(msgspec.Struct, frozen=True):
    text: str
    embeddings: str
    knowledge: str


class Tokens(msgspec.Struct, frozen=True):
    """Personal access tokens for the management API."""

    operator: str
    admin: str


class DemoCompany(msgspec.Struct, frozen=True):
    """What a demo remembers in its data directory, so that its next start finds the same company."""

    company_id: str
    logins: Logins
    tokens: Tokens
    keys: DemoKeys
    resources: Resources


def new_logins() -> Logins:
    return Logins(
        *(Login(f"{name}@demo.example", secrets.token_urlsafe(12)) for name in ("operator", "admin", "member"))
    )


def operator_of(logins: Logins) -> FirstOperator:
    return FirstOperator(logins.operator.email, "Olga Operator", logins.operator.password)


class Api:
    """The management API under one actor's token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60)
        self._url = url

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._client.post(path, json=body).raise_for_status().json()

    def get(self, path: str) -> dict[str, Any]:
        return self._client.get(path).raise_for_status().json()

    def signed_in(self, login: Login, description: str) -> tuple["Api", str]:
        """The API under a new personal access token of that user's."""
        session = self.post("/sessions", {"email": login.email, "password": login.password})
        token = Api(self._url, session["token"]).post("/tokens", {"description": description})["token"]
        return Api(self._url, token), token


def make_company(control_url: str, logins: Logins, *, models: DemoModels, tell: Tell) -> DemoCompany:
    """From nothing to three active packs and their keys."""
    tell(f"Creating the company {COMPANY} with {CLOUD_TOKENS} cloud tokens ...")
    operator, operator_token = Api(control_url).signed_in(logins.operator, "demo")
    company_id = operator.post("/companies", {"name": COMPANY})["id"]
    for role, login, name in (("admin", logins.admin, "Ada Admin"), ("member", logins.member, "Max Member")):
        person = {"email": login.email, "name": name, "role": role, "company_id": company_id}
        operator.post("/users", {**person, "password": login.password})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    contract = operator.post(
        f"/companies/{company_id}/contracts",
        {
            "reference": "DEMO-1",
            "start_at": today.isoformat(),
            "end_at": (today + timedelta(days=365)).isoformat(),
        },
    )
    operator.post(f"/contracts/{contract['id']}/grants", {"cloud_tokens": CLOUD_TOKENS})
    admin, admin_token = Api(control_url).signed_in(logins.admin, "demo")
    if models != EMBEDDED:
        _accept_terms(admin, company_id)
    resources = _provision(admin, company_id, models=models, tell=tell)
    for resource_id in (resources.text, resources.embeddings, resources.knowledge):
        admin.post(f"/resources/{resource_id}/members", {"email": logins.member.email})
    return DemoCompany(company_id, logins, Tokens(operator_token, admin_token), _make_keys(admin, resources), resources)


def _accept_terms(admin: Api, company_id: str) -> None:
    """Those of the providers behind the catalog's models, as an admin would; the demo's company is a made-up one."""
    for one in admin.get(f"/companies/{company_id}/terms")["terms"]:
        admin.post(f"/companies/{company_id}/terms/{one['id']}/acceptance", {"version": one["version"]})


def _provision(admin: Api, company_id: str, *, models: DemoModels, tell: Tell) -> Resources:
    def pack(name: str, **order: Any) -> str:
        body = {"display_name": name, "region": "eu-central-1", "environment": "test", **order}
        specification = admin.post(f"/companies/{company_id}/resources/preview", body)
        tell(
            f"Provisioning {name}: {specification['price_cloud_tokens']} cloud tokens, "
            f"{specification['available_after_cloud_tokens']} left"
        )
        return admin.post(f"/companies/{company_id}/resources", body)["id"]

    text = pack("Assistant", type="text_generation", plan="S", model=models.text)
    embeddings = pack("Embeddings", type="embeddings", plan="S", model=models.embeddings)
    knowledge = pack("Handbook", type="knowledge_base", plan="Standard", embeddings_resource_id=embeddings)
    return Resources(text, embeddings, knowledge)


def _make_keys(admin: Api, resources: Resources) -> DemoKeys:
    def key(resource_id: str, description: str, *, open_to: list[str]) -> str:
        body = {"description": description, "open_to": open_to}
        return admin.post(f"/resources/{resource_id}/keys", body)["key"]

    return DemoKeys(
        text=key(resources.text, "demo: text", open_to=[]),
        embeddings=key(resources.embeddings, "demo: embeddings", open_to=[]),
        knowledge=key(resources.knowledge, "demo: knowledge", open_to=[]),
        all=key(resources.knowledge, "demo: everything", open_to=[resources.text]),
    )
