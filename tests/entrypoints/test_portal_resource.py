"""A resource's pages: what they show, and what their forms do."""

import csv
import io
import re
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.browser.scene import Scene, furnished
from tests.browser.visitor import Visitor, shown, wrong
from tests.support.control_api import GATEWAY, live_control


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    directory: Path = tmp_path_factory.mktemp("portal")
    with live_control(directory) as live:
        yield furnished(live, directory)


@pytest.fixture(scope="module")
def admin(scene: Scene) -> Visitor:
    return Visitor(scene.live.url).sign_in(scene.firm.admin_email)


@pytest.fixture(scope="module")
def member(scene: Scene) -> Visitor:
    return Visitor(scene.live.url).sign_in(scene.firm.member_email)


def text_of(page: str) -> str:
    """What a reader sees of it, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_landing_page_shows_the_own_teams(scene: Scene, member: Visitor) -> None:
    page = text_of(member.page("/"))
    for word in ("Support desk", "Active", "Local text model", "Plan S", "Production", "Europe (Frankfurt)"):
        assert word in page
    assert "Input tokens 63.7 %" in page
    assert "Output tokens 82.5 %" in page
    assert "676 searches and 50 inserts this bundle month" in page
    assert "Provision" not in page


def test_someone_without_a_team_is_told_what_to_do(scene: Scene) -> None:
    scene.live.user("newcomer@example.com", "member", scene.firm.id)
    page = text_of(Visitor(scene.live.url).sign_in("newcomer@example.com").page("/"))
    assert "You are in no team yet" in page
    assert "newcomer@example.com" in page


@pytest.mark.parametrize("kind", ["text", "embeddings", "knowledge"])
def test_the_overview_says_how_to_use_it(scene: Scene, member: Visitor, kind: str) -> None:
    page = member.page(f"/resources/{getattr(scene, kind)}")
    assert f"{GATEWAY}/v1" in page
    assert "Authorization: Bearer phk_…" in page
    assert f"phk_…@{GATEWAY}" in page
    assert scene.key_text not in page


def test_the_overview_links_knowledge_base_and_embeddings(scene: Scene, member: Visitor) -> None:
    assert f'href="/resources/{scene.embeddings}"' in member.page(f"/resources/{scene.knowledge}")
    assert f'href="/resources/{scene.knowledge}"' in member.page(f"/resources/{scene.embeddings}")


def test_consumption_against_the_limit_and_by_day(scene: Scene, member: Visitor) -> None:
    page = member.page(f"/resources/{scene.text}/consumption")
    text = text_of(page)
    assert "Input tokens 63.7 % 1,593,670 of 2,500,000 used" in text
    assert "Refills 28 Feb 2026, 10:00 UTC (in 6 days)" in text
    assert "20 Feb 2026 11 (1 estimated) 103,730 67,100" in text
    assert "Together 169 1,593,670 1,030,900" in text
    assert page.count("<figure") == 5


def test_consumption_by_key_and_by_model(scene: Scene, member: Visitor) -> None:
    path = f"/resources/{scene.text}/consumption"
    by_key = text_of(member.page(f"{path}?span=week&split=key"))
    assert "Help desk, production" in by_key
    assert "7 days" in by_key
    assert "6 rows" in by_key
    assert "Local text model" in text_of(member.page(f"{path}?span=six_months&split=model"))
    assert member.look(f"{path}?span=year").status_code == 404


def test_the_forecast_says_when_it_runs_dry_with_its_band(scene: Scene, member: Visitor) -> None:
    page = member.page(f"/resources/{scene.text}/consumption")
    text = text_of(page)
    assert "Input tokens 84 % of the limit" in text
    assert "Lasts until the refill." in text
    dry = r"Output tokens 1\d\d % of the limit.* used up around \d+ Feb 2026 ?, in \d days: (between|from)"
    assert re.search(dry, text)
    assert page.count('class="band"') == 2


def test_an_earlier_bundle_month_is_looked_at(scene: Scene, member: Visitor) -> None:
    path = f"/resources/{scene.text}/consumption"
    assert member.look(f"{path}?back=1").status_code == 422
    assert member.look(f"{path}?back=99").status_code == 404


def test_consumption_of_a_knowledge_base(scene: Scene, member: Visitor) -> None:
    text = text_of(member.page(f"/resources/{scene.knowledge}/consumption"))
    assert "Searches 676 Inserts 50 Chunks 0 2,028 put in this month" in text
    assert "0 B of 10 GB used" in text
    assert "0 B of 10 GB used" in text_of(member.page(f"/resources/{scene.knowledge}"))
    assert "676 searches and 50 inserts" in text_of(member.page("/"))


def test_a_span_without_consumption_says_so(scene: Scene, admin: Visitor) -> None:
    unused = scene.firm.provision(display_name="Unused")["id"]
    assert "Nothing consumed in this span" in admin.page(f"/resources/{unused}/consumption?span=week")


def test_the_csv_has_what_the_table_has(scene: Scene, member: Visitor) -> None:
    response = member.look(f"/resources/{scene.text}/consumption.csv?span=bundle_month&split=none")
    assert response.headers["content-disposition"].startswith('attachment; filename="consumption-2026-01-31-')
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert len(rows) == 21
    assert sum(int(row["output_tokens"]) for row in rows) == 1_030_900


def test_the_month_before_is_compared_with(scene: Scene, member: Visitor) -> None:
    before = scene.live.clock.now()
    scene.live.clock.set(before + timedelta(days=6, hours=22))
    try:
        later = Visitor(scene.live.url).sign_in(scene.firm.member_email)
        text = text_of(later.page(f"/resources/{scene.text}/consumption"))
        earlier = text_of(later.page(f"/resources/{scene.text}/consumption?span=bundle_month&back=1&split=model"))
    finally:
        scene.live.clock.set(before)
    assert "31 Jan 2026 to 28 Feb 2026, days of UTC" in earlier
    assert "Local text model 169 1,593,670 1,030,900 100 %" in earlier
    assert "21 rows" in earlier
    assert "28 Feb 2026 (running) 0 0 of 2,500,000, 0 % 0 of 1,250,000, 0 %" in text
    assert "31 Jan 2026 169 1,593,670 of 2,500,000, 63.7 % 1,030,900 of 1,250,000, 82.5 %" in text
    assert "Input tokens 0 % 0 of 2,500,000 used" in text


def test_a_key_is_shown_once_and_works_until_it_is_revoked(scene: Scene, member: Visitor) -> None:
    keys = f"/resources/{scene.text}/keys"
    assert "Handbook" in member.page(f"{keys}/new")
    form = {"description": "Chat <b>bot</b>", "expires_on": "2026-12-31", "open_to": scene.knowledge}
    response = member.send(f"{keys}/new", form)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    key = shown(response.text, "Key")
    assert re.fullmatch(r"phk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", key)
    assert shown(response.text, "Connection string") == f"{key}@{GATEWAY}"
    listed = member.page(keys)
    assert key not in listed
    assert "Chat &lt;b&gt;bot&lt;/b&gt;" in listed
    assert "1 Jan 2027" in listed, "until the day is over"
    found = [one["id"] for one in scene.firm.member.get(keys)["keys"] if one["description"] == form["description"]]
    path = f"{keys}/{found[0]}"
    assert "Revoke Chat" in member.page(f"{path}/revoke")
    assert member.sent(f"{path}/revoke") == f"{keys}?done=key-revoked"
    after = text_of(member.page(f"{keys}?done=key-revoked"))
    assert "The key is revoked." in after
    assert "Revoked 21 Feb 2026" in after


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"expires_on": "2026-02-21"}, "The last day of a key lies ahead of today."),
        ({"expires_on": "tomorrow"}, "That is not a date"),
        ({"description": "x" * 200}, "description"),
    ],
)
def test_a_key_that_cannot_be_made_keeps_what_was_typed(
    scene: Scene, member: Visitor, form: dict[str, str], message: str
) -> None:
    member.page(f"/resources/{scene.text}/keys/new")
    typed = {"description": "Nightly job", "open_to": scene.knowledge} | form
    response = member.send(f"/resources/{scene.text}/keys/new", typed)
    assert response.status_code == 422
    assert message in wrong(response.text)
    assert f'value="{typed["description"]}"' in response.text
    assert f'value="{scene.knowledge}" checked' in response.text
    assert 'aria-invalid="true"' in response.text


def test_a_key_is_opened_further_and_shut(scene: Scene, member: Visitor) -> None:
    made = scene.firm.member.post(f"/resources/{scene.text}/keys", {"description": "Grows"})
    path = f"/resources/{scene.text}/keys/{made['id']}"
    assert "Open one more" in member.page(path)
    assert member.sent(f"{path}/open", {"resource": scene.knowledge}).endswith("?done=key-opened")
    elsewhere = text_of(member.page(f"/resources/{scene.knowledge}/keys"))
    assert "Grows" in elsewhere
    assert "Made elsewhere" in elsewhere
    assert member.sent(f"{path}/shut", {"resource": scene.knowledge}).endswith("?done=key-shut")
    assert "Grows" not in member.page(f"/resources/{scene.knowledge}/keys")
    second = member.send(f"{path}/shut", {"resource": scene.text})
    assert second.status_code == 409
    assert wrong(second.text)


def test_an_admin_outside_the_team_is_told_who_makes_keys(scene: Scene) -> None:
    scene.live.user("other-admin@example.com", "admin", scene.firm.id)
    page = Visitor(scene.live.url).sign_in("other-admin@example.com").page(f"/resources/{scene.text}/keys")
    assert "Keys are made by members of the team" in page
    assert "Create a key" not in page


def test_the_team_grows_and_shrinks(scene: Scene, admin: Visitor) -> None:
    team = f"/resources/{scene.text}/team"
    assert "kim@example.com" not in admin.page(team)
    unknown = admin.send(team, {"email": "nobody@example.com"})
    assert unknown.status_code == 404
    assert wrong(unknown.text)
    assert 'value="nobody@example.com"' in unknown.text
    assert admin.sent(team, {"email": "kim@example.com"}).endswith("?done=member-added")
    page = admin.page(team)
    assert "kim@example.com" in page
    listed = scene.firm.admin.get(f"/resources/{scene.text}/members")["members"]
    (kim,) = [one["user_id"] for one in listed if one["email"] == "kim@example.com"]
    assert "Remove kim@example.com" in text_of(admin.page(f"{team}/{kim}/remove"))
    assert admin.sent(f"{team}/{kim}/remove").endswith("?done=member-removed")
    assert "kim@example.com" not in admin.page(team)


def test_activity_names_who_did_what(scene: Scene, admin: Visitor) -> None:
    text = text_of(admin.page(f"/resources/{scene.text}/activity"))
    assert "Pack provisioned" in text
    assert "Key created Help desk, production" in text
    assert f"Member added {scene.firm.member_email}" in text
    assert scene.firm.admin_email in text


def test_settings_are_saved_and_said_no_to(scene: Scene, admin: Visitor, member: Visitor) -> None:
    settings = f"/resources/{scene.embeddings}/settings"
    admin.page(settings)
    empty = admin.send(settings, {"display_name": " ", "environment": "test", "model": "local-embeddings"})
    assert empty.status_code == 422
    assert 'aria-invalid="true"' in empty.text
    form = {"display_name": "Vectors", "environment": "test", "model": "local-embeddings"}
    assert admin.sent(settings, form).endswith("?done=settings-saved")
    page = member.page(settings)
    assert 'value="Vectors"' in page
    assert "Deprovision" not in text_of(page)


def test_a_plan_grows_and_a_pack_ends_and_is_kept(scene: Scene, admin: Visitor) -> None:
    made = scene.firm.provision(display_name="Short-lived")["id"]
    settings = f"/resources/{made}/settings"
    admin.page(settings)
    assert admin.sent(f"{settings}/plan", {"plan": "M"}).endswith("?done=plan-adjusted")
    assert "Plan M" in text_of(admin.page(settings))
    assert "Deprovision Short-lived?" in text_of(admin.page(f"{settings}/deprovision"))
    assert admin.sent(f"{settings}/deprovision") == f"/resources/{made}?done=deprovision-scheduled"
    page = text_of(admin.page(f"/resources/{made}"))
    assert "Ends 21 Mar 2026" in page
    assert "This pack ends 21 Mar 2026" in page
    assert admin.sent(f"{settings}/plan", {"plan": "S"}).endswith("?done=plan-adjusted-instead")
    assert "What was scheduled before is replaced" in text_of(admin.page(f"{settings}?done=plan-adjusted-instead"))
    assert admin.sent(f"{settings}/deprovision").endswith("?done=deprovision-scheduled-instead")
    assert admin.sent(f"{settings}/cancel") == f"/resources/{made}?done=scheduled-cancelled"
    assert "Ends 21 Mar" not in admin.page(f"/resources/{made}")
    refused: httpx.Response = admin.send(f"{settings}/cancel")
    assert refused.status_code == 409
    assert "Nothing is scheduled" in wrong(refused.text)
