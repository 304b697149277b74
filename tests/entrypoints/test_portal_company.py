"""The Control Center: from a company with a contract to packs that are paid with its cloud tokens."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor, shown, wrong
from tests.support.control_api import OPERATOR, PASSWORD, Live, live_control


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    directory: Path = tmp_path_factory.mktemp("portal")
    with live_control(directory) as live:
        yield live


@pytest.fixture(scope="module")
def operator(live: Live) -> Visitor:
    return Visitor(live.url).sign_in(OPERATOR)


def text_of(page: str) -> str:
    """What a reader sees of it, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_from_nothing_to_a_pack_with_pages_alone(live: Live, operator: Visitor) -> None:
    assert operator.look("/").headers["location"] == "/companies"
    operator.page("/companies")
    created = operator.sent("/companies", {"name": "Orchard & Sons", "self_service": "on"})
    company = created.partition("/entitlements")[0]
    page = operator.page(created)
    assert "The company is created." in page
    assert "Orchard &amp; Sons" in page
    contract = {"reference": "C-2026", "first_day": "2026-01-01", "last_day": "2026-12-31"}
    assert operator.sent(f"{company}/contracts", contract).endswith("?done=contract-created")
    page = operator.page(f"{company}/entitlements")
    assert "1 Jan 2026 to 31 Dec 2026" in text_of(page)
    found = re.search(r'href="(/companies/\w+/contracts/\w+)"', page)
    assert found
    operator.page(found[1])
    assert operator.sent(f"{found[1]}/grant", {"cloud_tokens": "1,000", "note": "First"}) == f"{found[1]}?done=granted"
    operator.page(found[1])
    correction = {"cloud_tokens": "-900", "note": "A nought too many"}
    assert operator.sent(f"{found[1]}/correct", correction) == f"{found[1]}?done=corrected"

    operator.page(f"{company}/people")
    response = operator.send(f"{company}/people", {"name": "Ada", "email": "ada@orchard.example", "role": "admin"})
    link = shown(response.text, "One-time link")
    assert link.startswith(f"{live.url}/link/")
    ada = Visitor(live.url)
    path = link.removeprefix(live.url)
    ada.page(path)
    ada.sent(path, {"password": PASSWORD, "again": PASSWORD})
    ada.sign_in("ada@orchard.example")
    assert "No packs yet" in ada.page("/")

    assert "Local text model" in ada.page(f"{company}/provision")
    order = {
        "region": "eu-central-1",
        "model": "local-text",
        "display_name": "Help",
        "plan": "S",
        "environment": "test",
        "created_for_email": "ada@orchard.example",
    }
    ada.page(f"{company}/provision/text_generation?region=eu-central-1&model=local-text")
    specification = ada.send(f"{company}/provision/text_generation", order)
    text = text_of(specification.text)
    assert "Price 30 Available now 100 Available after 70" in text
    assert "2,500,000 input tokens, 1,250,000 output tokens a bundle month" in text
    again = ada.send(f"{company}/provision/text_generation", {**order, "step": "back"})
    assert 'value="Help"' in again.text
    confirm = {**order, "step": "confirm", "idempotency_key": idempotency_key(specification.text)}
    made = ada.sent(f"{company}/provision/text_generation", confirm)
    assert re.fullmatch(r"/resources/res_\w+\?done=provisioned", made)
    assert ada.sent(f"{company}/provision/text_generation", confirm) == made, "pressed twice, made once"
    assert "The pack is ready." in ada.page(made)
    assert "Help" in ada.page("/")
    entitlements = text_of(ada.page(f"{company}/entitlements"))
    assert "Total 100 Allocated 30 Available 70 Expired 0" in entitlements
    assert "Help Allocated Text generation S −30 70" in entitlements
    assert "C-2026 Corrected A nought too many – −900 100" in entitlements
    assert "C-2026 Granted First – +1,000 1,000" in entitlements


def idempotency_key(page: str) -> str:
    found = re.search(r'name="idempotency_key" value="(\w+)"', page)
    assert found
    return found[1]


def test_a_knowledge_base_with_its_embeddings_on_the_way(live: Live) -> None:
    firm = live.firm()
    admin = Visitor(live.url).sign_in(firm.admin_email)
    path = f"/companies/{firm.id}/provision/knowledge_base"
    assert "A new embeddings pack" in admin.page(f"{path}?region=eu-central-1")
    order = {
        "region": "eu-central-1",
        "display_name": "Handbook",
        "plan": "Standard",
        "environment": "production",
        "embeddings": "new",
        "embeddings_name": "Vectors",
        "embeddings_model": "local-embeddings|M",
    }
    text = text_of(admin.send(path, order).text)
    assert "Vectors" in text
    assert "Price 60 Available now 500 Available after 440" in text
    made = admin.sent(path, {**order, "step": "confirm", "idempotency_key": "k"})
    assert "Vectors" in admin.page(made)
    assert "Vectors" in admin.page(f"{path}?region=eu-central-1"), "the next one may embed with it too"
    without = admin.send(path, {**order, "embeddings": ""})
    assert (without.status_code, wrong(without.text)) == (422, "Choose what the knowledge base embeds with.")


def test_what_is_missing_is_said_and_what_was_typed_is_kept(live: Live) -> None:
    firm = live.firm(cloud_tokens=10)
    admin = Visitor(live.url).sign_in(firm.admin_email)
    path = f"/companies/{firm.id}/provision/text_generation"
    admin.page(f"{path}?region=eu-central-1&model=local-text")
    order = {"region": "eu-central-1", "model": "local-text", "display_name": "Big", "plan": "L", "environment": "test"}
    short = admin.send(path, order)
    assert "110 are missing" in wrong(short.text)
    assert 'value="Big"' in short.text
    assert re.search(r'value="L" required checked', short.text)
    claude = admin.send(path, {**order, "model": "claude-sonnet-4-6"})
    assert "accept" in wrong(claude.text)
    assert admin.look(f"{path}?region=ca-central-1&model=claude-sonnet-4-6").status_code == 404


def test_terms_are_accepted_by_an_admin_in_the_version_on_the_screen(live: Live, operator: Visitor) -> None:
    firm = live.firm()
    admin = Visitor(live.url).sign_in(firm.admin_email)
    path = f"/companies/{firm.id}/terms"
    page = admin.page(path)
    assert page.count("Not accepted") == 3
    assert admin.send(path, {"terms": "anthropic", "version": "0"}).status_code == 409
    assert admin.sent(path, {"terms": "anthropic", "version": "1"}) == f"{path}?done=terms-accepted"
    assert admin.page(path).count("Not accepted") == 2
    assert "Accept version" not in operator.page(path)
    assert operator.send(path, {"terms": "cohere", "version": "1"}).status_code == 403


def test_people_get_roles_links_and_an_end(live: Live) -> None:
    firm = live.firm()
    admin = Visitor(live.url).sign_in(firm.admin_email)
    person = f"/companies/{firm.id}/people/{firm.member_id}"
    assert "Make a new link" in admin.page(person)
    assert admin.sent(f"{person}/role", {"role": "admin"}).endswith("?done=role-changed")
    assert admin.send(f"{person}/role", {"role": "operator"}).status_code == 422
    assert "/link/" in shown(admin.send(f"{person}/link").text, "One-time link")
    theirs = Visitor(live.url).sign_in(firm.member_email)
    assert admin.sent(f"{person}/disable").endswith("?done=user-disabled")
    assert theirs.look("/account").status_code == 303
    own = f"/companies/{firm.id}/people/{firm.admin_id}"
    assert "This is you" in admin.page(own)
    assert admin.send(f"{own}/disable").status_code == 409


def test_forms_of_the_operator_say_what_is_wrong(live: Live, operator: Visitor) -> None:
    firm = live.firm()
    operator.page("/companies")
    taken = operator.send("/companies", {"name": "Company 1"})
    assert taken.status_code == 409
    assert 'value="Company 1"' in taken.text
    contract = f"/companies/{firm.id}/contracts/{firm.contract_id}"
    operator.page(contract)
    for typed in ("", "ten", "1.5", "9" * 30, "-1", "0"):
        response = operator.send(f"{contract}/grant", {"cloud_tokens": typed, "note": "kept"})
        assert response.status_code == 422, typed
        assert 'value="kept"' in response.text
    backwards = {"reference": "C", "first_day": "2026-12-31", "last_day": "2026-01-01"}
    assert operator.send(f"/companies/{firm.id}/contracts", backwards).status_code == 422
    assert operator.look(f"/companies/{firm.id}/contracts/con_none").status_code == 404


def test_company_settings_leave_the_operators_switches_to_the_operator(live: Live, operator: Visitor) -> None:
    firm = live.firm()
    admin = Visitor(live.url).sign_in(firm.admin_email)
    path = f"/companies/{firm.id}/settings"
    assert "Self-service" not in admin.page(path)
    admin.sent(path, {"external_invitations": "on", "name": "Renamed"})
    company = live.operator.get(f"/companies/{firm.id}")
    assert (company["external_invitations"], company["self_service"]) == (True, True)
    assert company["name"] != "Renamed"
    operator.page(path)
    operator.sent(path, {"name": f"Renamed {firm.id}"})
    company = live.operator.get(f"/companies/{firm.id}")
    assert (company["external_invitations"], company["self_service"]) == (False, False)
    assert "the operator provisions for it" in admin.page(f"/companies/{firm.id}/provision")


def test_the_activity_of_a_company_with_its_proof(live: Live) -> None:
    firm = live.firm()
    firm.provision()
    text = text_of(Visitor(live.url).sign_in(firm.admin_email).page(f"/companies/{firm.id}/activity"))
    assert "Pack provisioned" in text
    assert re.search(r"Chain of \d+ intact", text)


def test_a_personal_token_is_shown_once_and_revoked(live: Live) -> None:
    firm = live.firm()
    admin = Visitor(live.url).sign_in(firm.admin_email)
    response = admin.send("/account/tokens", {"description": "CLI"})
    text = shown(response.text, "Personal access token")
    assert text.startswith("php_")
    page = admin.page("/account")
    assert text not in page
    found = re.search(r'action="(/account/tokens/\w+/revoke)"', page)
    assert found
    assert admin.sent(found[1]) == "/account?done=token-revoked"
    assert "Revoked" in admin.page("/account")
    assert admin.send("/account/tokens", {"description": ""}).status_code == 422
