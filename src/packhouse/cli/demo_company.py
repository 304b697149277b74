"""The demo's company: made through the REST API as its operator and its admin would make it."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from packhouse.cli.demo_models import EMBEDDED, DemoModels
from packhouse.cli.ending import REFUSED, UNREACHABLE, Ended
from packhouse.wiring.installation import FirstOperator

Tell = Callable[[str], None]

COMPANY = "Northwind Harbour"
CLOUD_TOKENS = 200
CONTRACT = "DEMO-1"


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
    """Where everything is, and what opens it."""

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
    """The management API under one actor's token. What it refuses ends the demo with its sentence."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60)
        self._url = url

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._answer("POST", path, json=body)

    def get(self, path: str) -> dict[str, Any]:
        return self._answer("GET", path)

    def found(self, path: str, **wanted: Any) -> dict[str, Any] | None:
        """The first thing of a list (the one field of the answer) that has these values."""
        (things,) = self.get(path).values()
        return next((one for one in things if all(one[name] == value for name, value in wanted.items())), None)

    def works(self) -> bool:
        """Whether its token still opens anything."""
        return self._client.get("/me").is_success

    def signed_in(self, login: Login, description: str) -> tuple["Api", str]:
        """The API under a new personal access token of that user's."""
        session = self.post("/sessions", {"email": login.email, "password": login.password})
        token = Api(self._url, session["token"]).post("/tokens", {"description": description})["token"]
        return Api(self._url, token), token

    def _answer(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, **more)
        except httpx.TransportError as error:
            raise Ended(f"The demo stopped: {self._url} does not answer.", UNREACHABLE) from error
        if response.is_success:
            return response.json()
        message = response.json()["error"]["message"] if response.content else response.reason_phrase
        raise Ended(f"The demo stopped at {method} {path}: {message}", REFUSED)


class Making:
    """From nothing to three active packs and their keys. What an earlier start made is found and not made again."""

    def __init__(self, control_url: str, logins: Logins, *, models: DemoModels, region: str, tell: Tell) -> None:
        self._url = control_url
        self._logins = logins
        self._models = models
        self._region = region
        self._tell = tell

    def company(self) -> DemoCompany:
        self._tell(f"Creating the company {COMPANY} with {CLOUD_TOKENS} cloud tokens ...")
        operator, operator_token = Api(self._url).signed_in(self._logins.operator, "demo")
        known = operator.found("/companies", name=COMPANY) or operator.post("/companies", {"name": COMPANY})
        company_id = known["id"]
        self._add_people(operator, company_id)
        self._entitle(operator, company_id)
        admin, admin_token = Api(self._url).signed_in(self._logins.admin, "demo")
        if self._models != EMBEDDED:
            _accept_terms(admin, company_id)
        resources = self._provision(admin, company_id)
        for resource_id in (resources.text, resources.embeddings, resources.knowledge):
            if admin.found(f"/resources/{resource_id}/members", email=self._logins.member.email) is None:
                admin.post(f"/resources/{resource_id}/members", {"email": self._logins.member.email})
        keys = _make_keys(admin, resources)
        return DemoCompany(company_id, self._logins, Tokens(operator_token, admin_token), keys, resources)

    def _add_people(self, operator: Api, company_id: str) -> None:
        logins = self._logins
        for role, login, name in (("admin", logins.admin, "Ada Admin"), ("member", logins.member, "Max Member")):
            if operator.found(f"/users?company_id={company_id}", email=login.email) is None:
                person = {"email": login.email, "name": name, "role": role, "company_id": company_id}
                operator.post("/users", {**person, "password": login.password})

    @staticmethod
    def _entitle(operator: Api, company_id: str) -> None:
        path = f"/companies/{company_id}/contracts"
        if operator.found(path, reference=CONTRACT) is None:
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            end = today + timedelta(days=365)
            operator.post(path, {"reference": CONTRACT, "start_at": today.isoformat(), "end_at": end.isoformat()})
        contract = operator.found(path, reference=CONTRACT)
        assert contract is not None
        if contract["balance"]["granted"] == 0:
            operator.post(f"/contracts/{contract['id']}/grants", {"cloud_tokens": CLOUD_TOKENS})

    def _provision(self, admin: Api, company_id: str) -> Resources:
        (there,) = admin.get(f"/companies/{company_id}/resources").values()
        active = {one["display_name"]: one["id"] for one in there if one["status"]["state"] == "active"}

        def pack(name: str, **order: Any) -> str:
            if name in active:
                return active[name]
            body = {"display_name": name, "region": self._region, "environment": "test", **order}
            specification = admin.post(f"/companies/{company_id}/resources/preview", body)
            self._tell(
                f"Provisioning {name}: {specification['price_cloud_tokens']} cloud tokens, "
                f"{specification['available_after_cloud_tokens']} left"
            )
            return admin.post(f"/companies/{company_id}/resources", body)["id"]

        text = pack("Assistant", type="text_generation", plan="S", model=self._models.text)
        embeddings = pack("Embeddings", type="embeddings", plan="S", model=self._models.embeddings)
        knowledge = pack("Handbook", type="knowledge_base", plan="Standard", embeddings_resource_id=embeddings)
        return Resources(text, embeddings, knowledge)


def _accept_terms(admin: Api, company_id: str) -> None:
    """Those of the providers behind the catalog's models, as an admin would; the demo's company is a made-up one."""
    for one in admin.get(f"/companies/{company_id}/terms")["terms"]:
        admin.post(f"/companies/{company_id}/terms/{one['id']}/acceptance", {"version": one["version"]})


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
