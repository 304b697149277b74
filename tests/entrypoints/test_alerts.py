"""Alerts and webhooks by the management API, the command line and the portal, over what a worker has put down."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.notify.captured import CapturedMail, CapturedWebhooks
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.cli.main import app
from packhouse.domain.alert import TRIALS_PENDING_MAX
from packhouse.domain.units import microseconds
from packhouse.domain.webhook import write_secret
from packhouse.ports.notify import Failed
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import Delivering
from tests.browser.visitor import Visitor, shown, wrong
from tests.support.alerts import alert_worker
from tests.support.control_api import NOW, Api, Firm, Live, live_control
from tests.support.installation import Installation

HOOK = "https://hooks.example.com/packhouse?token=hush"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{44}")
"""33 bytes."""


@dataclass(frozen=True)
class House:
    """A control part, and what a worker would do beside it."""

    live: Live
    installation: Installation

    def raise_alerts(self, resource: str, output: int, *failures: Failed) -> None:
        """So many output tokens are used; what is due is sent to a mailbox, `failures` first. Webhooks
        answer 500."""
        self.installation.sql(
            "INSERT INTO usage_total VALUES (?, ?, 'output', ?) ON CONFLICT (resource_id, month_start, meter)"
            " DO UPDATE SET used = excluded.used",
            resource,
            microseconds(NOW),
            output,
        )
        asyncio.run(self._work(CapturedMail(*failures)))

    def work(self) -> None:
        asyncio.run(self._work(CapturedMail()))

    async def _work(self, mail: CapturedMail) -> None:
        clock = self.live.clock
        with alert_worker(self.installation, clock) as worker:
            sizes = EmbeddedSizes(self.installation.journals)
            ids, catalog = SystemIds(clock), read_catalog()
            await Alerting(worker.book, clock, ids=ids, catalog=catalog, sizes=sizes, by_mail=True).look()
            webhooks = CapturedWebhooks(fail=Failed("status 500"))
            delivering = Delivering(worker.outbox, mail=mail, webhooks=webhooks, portal_url=self.live.url)
            while (dispatch := await delivering.next()) is not None:
                await delivering.deliver(dispatch)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    directory: Path = tmp_path_factory.mktemp("alerts")
    with live_control(directory) as live:
        yield House(live, Installation(directory / "packhouse.db", directory / "journal"))


@pytest.fixture
def firm(house: House) -> Firm:
    return house.live.firm()


def pack(firm: Firm) -> str:
    """With the member in its team. Its output limit is 1,250,000."""
    resource = firm.provision()["id"]
    firm.admin.post(f"/resources/{resource}/members", {"email": firm.member_email})
    return resource


def hooked(firm: Firm, **more: str) -> dict[str, Any]:
    return firm.admin.post(f"/companies/{firm.id}/webhooks", {"url": HOOK, **more})


def verbs(api: Api, firm: Firm, noun: str) -> list[str]:
    entries = api.get(f"/companies/{firm.id}/activity", verb=noun)["entries"]
    return [entry["verb"] for entry in reversed(entries)]


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PACKHOUSE_URL", house.live.url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["packhouse"])

    def run(api: Api, *words: str) -> tuple[int, str]:
        """The exit code and the output; a refusal is 1."""
        done = CliRunner().invoke(app, [*words, "--token", api.token])
        return done.exit_code, done.stdout if "--json" in words else done.output

    return run


def test_a_resource_s_alerts_with_their_deliveries(house: House, firm: Firm) -> None:
    resource, webhook = pack(firm), hooked(firm, description="Pager")
    assert firm.member.get(f"/resources/{resource}/alerts") == {"alerts": []}
    house.raise_alerts(resource, 1_150_000, Failed("connection failed"))
    for api in (firm.admin, firm.member, house.live.operator):
        newest, passed = api.get(f"/resources/{resource}/alerts")["alerts"]
        assert (newest["kind"], newest["told"], newest["percent"]) == ("used_90", True, 92.0)
        assert (passed["kind"], passed["told"], passed["deliveries"]) == ("used_80", False, [])
        assert (newest["resource_name"], newest["meter"], newest["limit"]) == ("Chat", "output", 1_250_000)
        assert newest["refill_at"] == "2026-02-28T10:00:00Z"
        by_target = {one["target"]: one for one in newest["deliveries"]}
        assert set(by_target) == {firm.admin_email, firm.member_email, webhook["id"]}
        first = by_target[firm.admin_email]
        assert (first["state"], first["attempts"], first["error"]) == ("waiting", 1, "connection failed")
        assert first["next_at"] > first["created_at"]
        assert by_target[firm.member_email]["state"] == "delivered"
        assert by_target[webhook["id"]]["recipient"] == "Pager"
        assert by_target[webhook["id"]]["error"] == "status 500"
    assert firm.admin.get(f"/companies/{firm.id}/alerts")["alerts"][0]["id"] == newest["id"]
    assert firm.member.code("GET", f"/companies/{firm.id}/alerts") == "forbidden"
    rival = house.live.firm()
    for path in (f"/resources/{resource}/alerts", f"/companies/{firm.id}/alerts", f"/resources/{resource}/alert-mute"):
        assert rival.admin.code("GET", path) == "not_found"


def test_a_delivery_is_sent_once_more(house: House, firm: Firm) -> None:
    resource = pack(firm)
    house.raise_alerts(resource, 1_000_000, Failed("smtp 550", for_good=True))
    deliveries = firm.admin.get(f"/resources/{resource}/alerts")["alerts"][0]["deliveries"]
    (failed,) = (one for one in deliveries if one["state"] == "failed")
    path = f"/deliveries/{failed['id']}/redelivery"
    assert firm.member.code("POST", path) == "forbidden"
    assert house.live.firm().admin.code("POST", path) == "not_found"
    assert firm.admin.code("POST", "/deliveries/dlv_none/redelivery") == "not_found"
    again = firm.admin.post(path)
    assert (again["state"], again["attempts"], again["recipient"]) == ("waiting", 0, failed["target"])
    house.work()
    deliveries = firm.admin.get(f"/resources/{resource}/alerts")["alerts"][0]["deliveries"]
    assert {one["state"] for one in deliveries} == {"delivered"}
    status, error = firm.admin.refused("POST", path)
    assert (status, error["code"], "It was delivered at 20" in error["message"]) == (409, "conflict", True)
    house.installation.sql(
        "UPDATE alert_delivery SET state = 'sending', lease_until = ? WHERE id = ?", 2**60, failed["id"]
    )
    assert firm.admin.code("POST", path) == "conflict"
    assert verbs(firm.admin, firm, "alert") == ["alert.sent_again"]


def test_whoever_mutes_it_gets_no_e_mail(house: House, firm: Firm) -> None:
    resource = pack(firm)
    assert firm.member.get(f"/resources/{resource}/alert-mute") == {"resource": False, "every": False, "by_mail": False}
    assert firm.member.put(f"/resources/{resource}/alert-mute")["resource"] is True
    assert firm.member.put(f"/resources/{resource}/alert-mute")["resource"] is True
    assert firm.admin.put("/me/alert-mute")["every"] is True
    house.raise_alerts(resource, 1_000_000)
    assert firm.admin.get(f"/resources/{resource}/alerts")["alerts"][0]["deliveries"] == []
    assert firm.member.delete(f"/resources/{resource}/alert-mute")["resource"] is False
    assert firm.admin.delete("/me/alert-mute")["every"] is False
    house.raise_alerts(resource, 1_250_000)
    newest = firm.admin.get(f"/resources/{resource}/alerts")["alerts"][0]
    assert len(newest["deliveries"]) == 2
    assert verbs(firm.admin, firm, "alert") == ["alert.muted", "alert.muted", "alert.unmuted", "alert.unmuted"]


def test_a_webhook_from_its_making_to_its_end(house: House, firm: Firm) -> None:
    made = hooked(firm, description="Pager")
    assert SECRET.fullmatch(made["secret"])
    assert (made["url"], made["enabled"], made["previous_until_at"]) == (HOOK, True, None)
    path = f"/webhooks/{made['id']}"
    (listed,) = firm.admin.get(f"/companies/{firm.id}/webhooks")["webhooks"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    rotated = firm.admin.post(f"{path}/rotation")
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_until_at"] == "2026-02-01T10:00:00Z"
    ((secret, previous),) = house.installation.sql(
        "SELECT secret, previous_secret FROM webhook WHERE id = ?", made["id"]
    )
    assert isinstance(secret, bytes)
    assert isinstance(previous, bytes)
    assert (write_secret(secret), write_secret(previous)) == (rotated["secret"], made["secret"])

    assert firm.admin.code("POST", f"{path}/rotation") == "conflict", "the first secret was promised a day"
    again = {"url": HOOK, "description": "The same"}
    assert firm.admin.code("POST", f"/companies/{firm.id}/webhooks", again) == "conflict", "a page sent once more"

    trial = firm.admin.post(f"{path}/test")
    assert (trial["state"], trial["alert_id"]) == ("waiting", None)
    house.work()
    (sent,) = firm.admin.get(f"{path}/deliveries")["deliveries"]
    assert (sent["id"], sent["attempts"], sent["error"]) == (trial["id"], 1, "status 500")

    off = firm.admin.patch(path, {"enabled": False, "description": ""})
    assert (off["enabled"], off["description"], off["url"]) == (False, "", HOOK)
    assert firm.admin.code("POST", f"{path}/test") == "conflict"
    assert firm.admin.code("POST", f"/deliveries/{trial['id']}/redelivery") == "conflict"
    assert firm.admin.patch(path, {"url": "https://other.example.com/"})["url"] == "https://other.example.com/"
    firm.admin.delete(path)
    assert firm.admin.get(f"/companies/{firm.id}/webhooks") == {"webhooks": []}
    assert firm.admin.code("GET", f"{path}/deliveries") == "not_found"
    made_entries = verbs(firm.admin, firm, "webhook")
    assert made_entries == [
        "webhook.added",
        "webhook.rotated",
        "webhook.tested",
        "webhook.changed",
        "webhook.changed",
        "webhook.removed",
    ]
    log = json.dumps(firm.admin.get(f"/companies/{firm.id}/activity", verb="webhook"))
    assert "hush" not in log
    assert "hooks.example.com" in log


def test_a_trial_is_tried_twice_and_so_many_of_them_may_wait(house: House, firm: Firm) -> None:
    made = hooked(firm)
    path = f"/webhooks/{made['id']}"
    trials = [firm.admin.post(f"{path}/test")["id"] for _ in range(TRIALS_PENDING_MAX)]
    status, error = firm.admin.refused("POST", f"{path}/test")
    assert (status, error["code"], "then try again" in error["message"]) == (409, "conflict", True)
    house.work()
    assert firm.admin.code("POST", f"{path}/test") == "conflict"
    house.installation.sql("UPDATE alert_delivery SET next_at = 0 WHERE target = ?", made["id"])
    house.work()
    deliveries = firm.admin.get(f"{path}/deliveries")["deliveries"]
    assert {one["id"] for one in deliveries} == set(trials)
    assert {(one["state"], one["attempts"]) for one in deliveries} == {("failed", 2)}
    for _ in range(TRIALS_PENDING_MAX - 1):
        firm.admin.post(f"{path}/test")
    assert firm.admin.post(f"/deliveries/{trials[0]}/redelivery")["state"] == "waiting"
    assert firm.admin.code("POST", f"/deliveries/{trials[1]}/redelivery") == "conflict"


def test_webhooks_are_the_company_admins_own(house: House, firm: Firm) -> None:
    made, rival = hooked(firm), house.live.firm()
    assert firm.member.code("GET", f"/companies/{firm.id}/webhooks") == "forbidden"
    assert firm.member.code("POST", f"/companies/{firm.id}/webhooks", {"url": HOOK}) == "forbidden"
    assert rival.admin.code("GET", f"/companies/{firm.id}/webhooks") == "not_found"
    for api in (firm.member, rival.admin):
        for method, path in (("DELETE", ""), ("POST", "/rotation"), ("POST", "/test"), ("GET", "/deliveries")):
            assert api.code(method, f"/webhooks/{made['id']}{path}") == "not_found"
        assert api.code("PATCH", f"/webhooks/{made['id']}", {"enabled": False}) == "not_found"
    assert house.live.operator.get(f"/companies/{firm.id}/webhooks")["webhooks"][0]["id"] == made["id"]


def test_ten_webhooks_are_the_most_and_their_urls_are_looked_at(firm: Firm) -> None:
    path = f"/companies/{firm.id}/webhooks"
    status, error = firm.admin.refused("POST", path, {"url": "http://hooks.example.com/"})
    assert (status, error["code"], error["field"]) == (400, "invalid_request", "url")
    assert firm.admin.code("POST", path, {"url": "https://169.254.169.254/"}) == "invalid_request"
    for number in range(10):
        hooked(firm, url=f"{HOOK}/{number}")
    assert firm.admin.code("POST", path, {"url": HOOK}) == "conflict"


def test_by_the_command_line(house: House, firm: Firm, run: Run) -> None:
    resource = pack(firm)
    code, out = run(firm.admin, "webhook", "add", HOOK, "--description", "Pager", "--json")
    made = json.loads(out)
    assert (code, bool(SECRET.fullmatch(made["secret"]))) == (0, True)
    assert "Pager" in run(firm.admin, "webhook", "list")[1]
    code, out = run(firm.admin, "webhook", "rotate", made["id"])
    assert SECRET.search(out)
    assert "not shown again" in out
    house.raise_alerts(resource, 1_150_000, Failed("connection failed"))
    code, out = run(firm.admin, "alert", "list")
    assert (code, "used_90" in out, "used_80" in out) == (0, True, True)
    assert f"{firm.admin_email} waiting: connection failed" in out
    assert f"{firm.member_email} delivered" in run(firm.member, "alert", "list", "--resource", resource)[1]
    code, out = run(firm.admin, "alert", "deliveries", "--json")
    deliveries = json.loads(out)["alerts"][0]["deliveries"]
    waiting = next(one["id"] for one in deliveries if one["target"] == firm.admin_email)
    assert waiting in run(firm.admin, "alert", "deliveries", "--resource", resource)[1]
    assert "waiting" in run(firm.admin, "alert", "redeliver", waiting)[1]
    house.work()
    assert f"{firm.admin_email} delivered" in run(firm.admin, "alert", "list")[1]

    code, out = run(firm.admin, "webhook", "test", made["id"], "--wait-seconds", "0")
    assert (code, "waiting" in out) == (1, True)
    house.work()
    assert "status 500" in run(firm.admin, "webhook", "deliveries", made["id"])[1]
    assert "no" in run(firm.admin, "webhook", "change", made["id"], "--no-enabled")[1]
    assert "Removed." in run(firm.admin, "webhook", "remove", made["id"])[1]
    assert "Nothing yet." in run(firm.admin, "webhook", "list")[1]
    code, out = run(firm.member, "alert", "mute", resource)
    assert (code, "Muted." in out, "no mail server" in out) == (0, True, True)
    assert json.loads(run(firm.member, "alert", "unmute", "--json")[1])["every"] is False
    assert firm.member.get(f"/resources/{resource}/alert-mute")["resource"] is True


def test_by_the_portal(house: House, firm: Firm) -> None:
    resource, live = pack(firm), house.live
    admin, member = Visitor(live.url).sign_in(firm.admin_email), Visitor(live.url).sign_in(firm.member_email)
    hooks = f"/companies/{firm.id}/webhooks"
    assert "No webhooks" in admin.page(hooks)
    refused = admin.send(hooks, {"url": "http://hooks.example.com/", "description": "Pager"})
    assert (refused.status_code, "https://" in wrong(refused.text)) == (422, True)
    assert 'value="Pager"' in refused.text
    made = admin.send(hooks, {"url": HOOK, "description": "Pager"})
    secret = shown(made.text, "Signing secret")
    assert SECRET.fullmatch(secret)
    (webhook,) = firm.admin.get(hooks)["webhooks"]
    one = f"{hooks}/{webhook['id']}"
    assert secret not in admin.page(one)
    assert admin.sent(f"{one}/test") == f"{one}?done=webhook-tried"
    house.work()
    page = admin.page(one)
    assert "Trial" in page
    assert "Status 500" in page
    trial = firm.admin.get(f"/webhooks/{webhook['id']}/deliveries")["deliveries"][0]["id"]
    assert admin.sent(f"{one}/deliveries/{trial}") == f"{one}?done=sent-again"
    admin.page(one)
    assert shown(admin.send(f"{one}/rotate").text, "Signing secret") != secret
    assert "signs until" in admin.page(one)
    once_more = admin.send(f"{one}/rotate")
    assert (once_more.status_code, "The secret before this one signs until" in once_more.text) == (409, True)
    assert admin.sent(one, {"url": HOOK, "description": "Paging"}) == f"{one}?done=webhook-saved"
    assert admin.send(f"{one}/test").status_code == 409
    assert admin.sent(one, {"url": HOOK, "description": "Paging", "enabled": "on"}) == f"{one}?done=webhook-saved"

    alerts = f"/resources/{resource}/alerts"
    assert "No alerts" in member.page(alerts)
    house.raise_alerts(resource, 1_150_000, Failed("smtp 550", for_good=True))
    page = member.page(alerts)
    assert "Output tokens: 90 % used" in page
    assert "Passed together with a higher one" in page
    assert "Smtp 550" in page
    assert "Send again" not in page
    of_all = admin.page(f"/companies/{firm.id}/alerts")
    assert f'href="{alerts}"' in of_all
    assert "1 failed" in of_all
    assert "With a higher one" in of_all
    deliveries = firm.admin.get(alerts)["alerts"][0]["deliveries"]
    failed = next(delivery["id"] for delivery in deliveries if delivery["state"] == "failed")
    assert "Send again" in admin.page(alerts)
    assert admin.sent(f"{alerts}/{failed}/again") == f"{alerts}?done=sent-again"
    assert member.sent(f"{alerts}/mute", {"resource": "on"}) == f"{alerts}?done=alerts-muted"
    assert firm.member.get(f"/resources/{resource}/alert-mute")["resource"] is True
    member.page(alerts)
    assert member.send(f"{alerts}/{failed}/again").status_code == 403
    admin.page(f"{one}/remove")
    assert admin.sent(f"{one}/remove") == f"{hooks}?done=webhook-removed"
    assert member.look(hooks).status_code == 403
    assert "Webhook tried" in admin.page(f"/companies/{firm.id}/activity")
