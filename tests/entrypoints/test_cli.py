"""The management commands against a live part: tables for people, JSON for programs, refusals with their sentence."""

import io
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from packhouse.cli import login_file
from packhouse.cli.main import app, main
from packhouse.cli.verbs import VERBS
from tests.support.control_api import OPERATOR, PASSWORD, Live, live_control


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live_control(tmp_path_factory.mktemp("control")) as running:
        yield running


@pytest.fixture
def run(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `packhouse` in this process, with the live part's URL and a home of its own."""
    monkeypatch.setenv("PACKHOUSE_URL", live.url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PACKHOUSE_TOKEN", raising=False)

    def ran(*arguments: str, token: str = "", typed: str = "") -> Ran:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["packhouse", *arguments])
            patched.setattr(sys, "stdin", io.StringIO(typed))
            if token:
                patched.setenv("PACKHOUSE_TOKEN", token)
            capsys.readouterr()
            try:
                main()
                code: int | str | None = 0
            except SystemExit as end:
                code = end.code
        captured = capsys.readouterr()
        return Ran(int(code or 0), captured.out, captured.err)

    return ran


def test_the_main_road(live: Live, run: Run) -> None:
    operator = live.operator.token
    company = run("company", "create", "Example", "--json", token=operator).json["id"]
    span = ("--start", "2026-01-01", "--end", "2027-01-01T00:00+01:00", "--company", company)
    contract = run("contract", "create", "C-1", *span, "--json", token=operator).json
    assert (contract["start_at"], contract["end_at"]) == ("2026-01-01T00:00:00Z", "2026-12-31T23:00:00Z")
    granted = run("grant", "create", contract["id"], "200", token=operator)
    assert (granted.code, "200" in granted.out) == (0, True)
    created = run("user", "create", "ada@example.com", "Ada", "--role", "admin", "--company", company, token=operator)
    link = created.out.splitlines()[-1]
    assert link.startswith(f"{live.url}/link/")
    redeemed = {"token": link.rpartition("/")[2], "password": PASSWORD}
    live.nobody.post("/links/redeem", redeemed)
    admin = live.sign_in("ada@example.com").token

    order = ("resource", "provision", "text_generation", "Chat", "--model", "local-text")
    asked = run(*order, token=admin, typed="n\n")
    assert asked.code == 1
    assert "Price: 30 cloud tokens. Available now 200, after it 170." in asked.err
    assert asked.out == ""
    made = run(*order, "--json", token=admin, typed="y\n").json
    assert made["status"]["state"] == "active"
    assert "170" in run("balance", token=admin).out
    listed = run("resource", "list", token=admin)
    assert made["id"] in listed.out
    assert "active" in listed.out

    new = ("--description", "app", "--expires", "2026-06-01", "--json")
    key = run("key", "create", made["id"], *new, token=admin).json
    assert key["expires_at"] == "2026-06-01T00:00:00Z"
    assert key["connection_string"].startswith(key["key"] + "@")
    shown = run("key", "list", made["id"], token=admin)
    assert key["prefix"] in shown.out
    assert key["key"] not in shown.out
    used = run("usage", made["id"], token=admin)
    assert "2,500,000" in used.out
    assert "refilled 2026-02-28 10:00 UTC" in used.err
    assert run("usage", made["id"], "--csv", token=admin).out.startswith("day,key,model,calls")
    assert run("usage", made["id"], "--days", token=admin).out == "Nothing yet.\n"
    entries = run("transactions", "--json", token=admin).json["transactions"]
    assert [entry["remaining_cloud_tokens"] for entry in entries] == [200, 170]
    log = run("activity", "list", "--verb", "key", token=admin)
    assert "key.created" in log.out
    assert run("activity", "verify", "--json", token=admin).json["intact"] is True


def test_a_knowledge_base_with_its_embeddings(live: Live, run: Run) -> None:
    firm = live.firm()
    order = ("resource", "provision", "knowledge_base", "Handbook", "--embeddings-model", "local-embeddings")
    made = run(*order, "--yes", "--json", token=firm.admin.token).json
    assert made["plan"] == "Standard"
    shown = run("resource", "show", made["embeddings_resource_id"], token=firm.admin.token)
    assert "Handbook embeddings" in shown.out
    used = run("usage", made["id"], token=firm.admin.token)
    assert "0 searches, 0 inserts, 0 chunks put in." in used.out
    assert "It holds 0 chunks: 0.0 MB of 10,240 MB disk" in used.out
    told = run("usage", made["id"], "--json", token=firm.admin.token).json
    assert told["knowledge"] | {"disk_bytes": 0} == dict.fromkeys(told["knowledge"], 0)
    assert set(told["knowledge"]) >= {"searches", "inserts", "chunks", "disk_bytes"}
    assert made["id"] in shown.out


def test_a_resource_is_changed_resized_and_ended(live: Live, run: Run) -> None:
    firm = live.firm()
    token, resource = firm.admin.token, firm.provision()["id"]
    changed = run("resource", "change", resource, "--name", "Bot", "--environment", "test", "--json", token=token).json
    assert (changed["display_name"], changed["environment"]) == ("Bot", "test")
    assert run("resource", "plan", resource, "L", "--json", token=token).json["plan"] == "L"
    ending = run("resource", "deprovision", resource, token=token)
    assert "deprovision at 2026-02-28 10:00 UTC" in ending.out
    assert run("resource", "cancel", resource, "--json", token=token).json["status"]["scheduled"] is None
    added = run("member", "add", resource, firm.member_email, "--json", token=token).json
    assert added["user_id"] == firm.member_id
    assert firm.member_email in run("member", "list", resource, token=token).out
    assert resource in run("resource", "list", "--mine", token=firm.member.token).out
    assert run("member", "remove", resource, firm.member_id, token=token).code == 0


def test_keys_are_opened_shut_and_revoked(live: Live, run: Run) -> None:
    firm = live.firm()
    token, text, embeddings = firm.admin.token, firm.provision()["id"], firm.embeddings()["id"]
    made = run("key", "create", text, "--open-to", embeddings, token=token)
    assert "phk_" in made.out
    assert "not shown again" in made.err
    (key,) = firm.admin.get(f"/resources/{text}/keys")["keys"]
    assert len(key["openings"]) == 2
    assert embeddings not in run("key", "shut", key["id"], embeddings, token=token).out
    assert embeddings in run("key", "open", key["id"], embeddings, token=token).out
    assert "revoked" in run("key", "revoke", key["id"], token=token).out


def test_companies_users_terms_and_the_catalog(live: Live, run: Run) -> None:
    firm, operator = live.firm(), live.operator.token
    changed = run("company", "change", firm.id, "--external-invitations", "--no-self-service", "--json", token=operator)
    assert (changed.json["external_invitations"], changed.json["self_service"]) == (True, False)
    assert run("company", "show", firm.id, "--json", token=firm.admin.token).json["id"] == firm.id
    assert len(run("company", "list", "--json", token=operator).json["companies"]) >= 1
    assert run("user", "role", firm.member_id, "admin", "--json", token=firm.admin.token).json["role"] == "admin"
    assert firm.member_email in run("user", "list", token=firm.admin.token).out
    assert run("user", "show", firm.member_id, "--json", token=operator).json["role"] == "admin"
    assert run("user", "disable", firm.member_id, "--json", token=operator).json["disabled_at"]
    catalog = run("catalog", token=firm.admin.token)
    assert "S 30, M 60, L 120" in catalog.out
    assert "Knowledge base" in catalog.out
    accepted = run("terms", "accept", "anthropic", token=firm.admin.token, typed="y\n")
    assert "accepted" in accepted.out
    assert "https://" in accepted.err
    assert run("terms", "list", token=firm.admin.token).code == 0
    corrected = run("grant", "correct", firm.contract_id, "--by", "-5", "--note", "typo", "--json", token=operator)
    assert corrected.json["cloud_tokens"] == -5
    assert "495" in run("contract", "list", token=firm.admin.token).out


def test_a_password_comes_from_a_pipe(live: Live, run: Run) -> None:
    firm = live.firm()
    new = ("user", "create", "piped@example.com", "P", "--ask-password", "--company", firm.id)
    assert run(*new, token=live.operator.token, typed=PASSWORD + "\n").code == 0
    user = live.sign_in("piped@example.com")
    assert run("user", "password", token=user.token, typed=f"{PASSWORD}\n{PASSWORD}!\n").code == 0
    assert live.sign_in("piped@example.com", PASSWORD + "!").token


def test_login_keeps_a_token_that_only_its_owner_reads(live: Live, run: Run) -> None:
    done = run("login", "--email", OPERATOR, typed=PASSWORD + "\n")
    assert done.code == 0, done.err
    place = login_file.path()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert PASSWORD not in place.read_text()
    assert run("whoami", "--json").json["email"] == OPERATOR
    assert OPERATOR in run("token", "list").out or "packhouse login on" in run("token", "list").out
    token = json.loads(place.read_text())["token"]
    assert run("logout").code == 0
    assert not place.exists()
    refused = run("whoami", token=token)
    assert (refused.code, "[not_signed_in]" in refused.err) == (1, True)


def test_a_stored_token_goes_to_its_own_url_only(live: Live, run: Run) -> None:
    run("login", "--email", OPERATOR, typed=PASSWORD + "\n")
    elsewhere = run("whoami", "--url", live.url.replace("127.0.0.1", "localhost"))
    assert elsewhere.code == 1
    assert "not_signed_in" in elsewhere.err


def test_a_token_is_made_and_revoked(live: Live, run: Run) -> None:
    firm = live.firm()
    made = run("token", "create", "laptop", "--json", token=firm.admin.token).json
    assert run("whoami", "--token", made["token"], "--json").json["id"] == firm.admin_id
    assert run("token", "revoke", made["id"], token=firm.admin.token).code == 0
    assert run("whoami", "--token", made["token"]).code == 1


def test_a_refusal_says_its_sentence(live: Live, run: Run) -> None:
    firm = live.firm(cloud_tokens=10)
    order = ("resource", "provision", "text_generation", "Chat", "--model", "local-text", "--yes")
    refused = run(*order, token=firm.admin.token)
    assert refused.code == 1
    assert refused.out == ""
    assert "30 cloud tokens and 10 are available: 20 are missing. [balance_short]" in refused.err
    as_json = run(*order, "--json", token=firm.admin.token)
    assert (as_json.code, as_json.out) == (1, "")
    assert json.loads(as_json.err)["error"]["missing"] == 20


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("company", "create"),
        ("grant", "create", "con_1", "many"),
        ("resource", "provision", "toaster", "Chat"),
        ("token", "create", "x", "--expires", "tomorrow"),
        ("balance",),
    ],
)
def test_a_wrong_call(live: Live, run: Run, arguments: tuple[str, ...]) -> None:
    """An operator belongs to no company, so `balance` needs `--company`."""
    ran = run(*arguments, token=live.operator.token)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err != ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:{free}", "not a url"])
def test_nobody_answers(run: Run, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ran = run("company", "list", "--url", url.format(free=port), "--token", "php_x")
    assert ran.code in {2, 3}
    assert ran.err.startswith("packhouse: ")
    assert "Traceback" not in ran.err


def test_somebody_else_answers(live: Live, run: Run) -> None:
    ran = run("company", "list", "--url", f"{live.url}/sign-in?", "--token", "php_x")
    assert ran.code in {1, 3}
    assert "check the URL" in ran.err


def test_the_version_loads_nothing_heavy() -> None:
    heavy = "httpx", "rich", "litestar", "sqlalchemy", "packhouse_connector", "packhouse.wiring"
    code = f"""
import sys
sys.argv = ["packhouse", "--version"]
from packhouse.cli.main import app
try: app()
except SystemExit: pass
print(sorted(set({heavy!r}) & sys.modules.keys()))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == ["packhouse 0.1.0", "[]"]


def test_every_word_is_there_and_says_what_it_does(run: Run) -> None:
    assert app.info.cls is not None
    for word in VERBS:
        shown = run(word, "--help")
        assert shown.code == 0
        assert "Usage:" in shown.out
