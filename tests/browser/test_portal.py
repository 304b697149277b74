"""The portal in a real browser: its main walks, no axe finding, nothing from elsewhere, nothing against its policy."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Scheme, Watch, chromium, opened, sign_in
from tests.browser.scene import Scene, furnished
from tests.support.control_api import GATEWAY, OPERATOR, live_control

pytestmark = pytest.mark.needs("chromium")

PHONE, DESK = 360, 1280


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    directory: Path = tmp_path_factory.mktemp("portal")
    with live_control(directory) as live:
        yield furnished(live, directory)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


def pages(scene: Scene) -> Iterator[tuple[str, str]]:
    """Who looks, and at what."""
    firm = scene.firm
    text, company = f"/resources/{scene.text}", f"/companies/{firm.id}"
    yield from ((firm.member_email, path) for path in ("/", text, f"/resources/{scene.knowledge}", "/account"))
    yield from (
        (firm.member_email, f"{text}{path}")
        for path in ("/consumption", "/consumption?span=week&split=key", "/keys", "/keys/new", "/activity", "/nothing")
    )
    yield from (
        (firm.admin_email, f"{text}{path}")
        for path in (
            f"/keys/{scene.key}",
            f"/keys/{scene.key}/revoke",
            "/alerts",
            "/team",
            "/settings",
            "/settings/deprovision",
        )
    )
    yield from (
        (firm.admin_email, f"{company}{path}")
        for path in ("", "/entitlements", "/people", f"/people/{firm.member_id}", "/terms", "/activity", "/settings")
    )
    webhook = f"{company}/webhooks/{scene.webhook}"
    yield from (
        (firm.admin_email, path) for path in (f"{company}/alerts", f"{company}/webhooks", webhook, f"{webhook}/remove")
    )
    yield from (
        (firm.admin_email, f"{company}/provision{path}")
        for path in (
            "",
            "/text_generation?region=eu-central-1&model=local-text",
            "/knowledge_base?region=eu-central-1",
        )
    )
    contract = f"{company}/contracts/{firm.contract_id}"
    yield from ((OPERATOR, path) for path in ("/companies", f"{company}/entitlements", contract))


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", PHONE)])
def test_every_page_is_accessible_fits_and_stays_at_home(
    scene: Scene, browser: Browser, scheme: Scheme, width: int
) -> None:
    watch = Watch(scene.live.url)
    page = opened(browser, watch, scheme=scheme, width=width)
    page.goto("/sign-in")
    assert looked_over(page) == ""
    signed_in = ""
    for who, path in pages(scene):
        if who != signed_in:
            page.context.clear_cookies()
            sign_in(page, who)
            signed_in = who
        page.goto(path)
        assert looked_over(page) == "", path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width}"
    page.context.close()
    assert watch.outside == []
    # the one that is looked for where nothing is
    assert [one for one in watch.complaints if "404" not in one] == []


def looked_over(page: Page) -> str:
    """What axe finds, in words; empty where all is well."""
    results = Axe().run(page)
    return results.generate_report() if results.violations_count else ""


def test_an_admin_adds_a_webhook_and_tries_it(scene: Scene, browser: Browser) -> None:
    watch = Watch(scene.live.url)
    page = opened(browser, watch)
    sign_in(page, scene.firm.admin_email)
    page.get_by_role("link", name="Control Center").click()
    page.get_by_role("navigation", name="Pages of the Control Center").get_by_role("link", name="Webhooks").click()
    page.get_by_label("URL").fill("https://hooks.example.com/night")
    page.get_by_label("Description").fill("Night pager")
    page.get_by_role("button", name="Add the webhook").click()
    secret = page.get_by_label("Signing secret").inner_text()
    assert secret.startswith("whsec_")
    assert looked_over(page) == ""
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_text(secret)).to_have_count(0)
    page.get_by_role("button", name="Send a trial message").click()
    expect(page.get_by_role("status")).to_contain_text("A trial message is on its way.")
    expect(page.get_by_role("rowheader", name="Trial")).to_be_visible()
    page.get_by_role("link", name="Remove…").click()
    page.get_by_role("button", name="Remove the webhook").click()
    expect(page.get_by_role("status")).to_contain_text("The webhook is removed.")
    page.context.close()
    assert watch.outside == []
    assert watch.complaints == []


def test_a_member_makes_a_key_and_revokes_it(scene: Scene, browser: Browser) -> None:
    watch = Watch(scene.live.url)
    page = opened(browser, watch)
    sign_in(page, scene.firm.member_email)
    page.get_by_role("link", name="Support desk").click()
    page.get_by_role("navigation", name="Pages of the resource").get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="Create a key").click()
    page.get_by_label("Description").fill("Night shift")
    page.get_by_label("Handbook").check()
    page.get_by_role("button", name="Create the key").click()
    expect(page.get_by_role("heading", name="The key is created")).to_be_visible()
    connection = page.get_by_label("Connection string").inner_text()
    assert connection.startswith("phk_")
    assert connection.endswith(f"@{GATEWAY}")
    assert looked_over(page) == ""
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_text(connection)).to_have_count(0)
    page.get_by_role("link", name="Manage Night shift").click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status")).to_contain_text("The key is revoked.")
    row = page.get_by_role("row", name="Night shift")
    expect(row).to_contain_text("Revoked")
    assert (watch.outside, watch.complaints) == ([], [])


def test_a_member_looks_at_consumption(scene: Scene, browser: Browser) -> None:
    page = opened(browser, Watch(scene.live.url))
    sign_in(page, scene.firm.member_email)
    page.goto(f"/resources/{scene.text}")
    page.get_by_role("navigation", name="Pages of the resource").get_by_role("link", name="Consumption").click()
    expect(page.get_by_text("1,593,670 of 2,500,000 used")).to_be_visible()
    page.get_by_role("link", name="7 days").click()
    page.get_by_role("link", name="By key").click()
    expect(page.get_by_role("region", name="Consumption by day")).to_contain_text("Help desk, production")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_an_admin_provisions_a_pack(scene: Scene, browser: Browser) -> None:
    page = opened(browser, Watch(scene.live.url), width=390)
    sign_in(page, scene.firm.admin_email)
    page.get_by_role("link", name="Provision a pack").click()
    page.get_by_role("link", name="Choose Local text model in Europe (Frankfurt)").click()
    page.get_by_label("Display name").fill("Drafts")
    page.get_by_role("button", name="Show the price").click()
    expect(page.get_by_role("heading", name="Specification")).to_be_visible()
    assert looked_over(page) == ""
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_label("Display name")).to_have_value("Drafts")
    page.get_by_role("button", name="Show the price").click()
    page.get_by_role("button", name="Provision for 30 cloud tokens").click()
    expect(page.get_by_role("heading", name="Drafts")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("The pack is ready.")


def test_what_is_wrong_is_said_where_it_was_typed(scene: Scene, browser: Browser) -> None:
    page = opened(browser, Watch(scene.live.url))
    sign_in(page, scene.firm.admin_email)
    page.goto(f"/resources/{scene.text}/team")
    page.get_by_label("E-mail address").fill("nobody@example.com")
    page.get_by_role("button", name="Add to the team").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value("nobody@example.com")
    assert looked_over(page) == ""


def test_the_keyboard_finds_its_way(scene: Scene, browser: Browser) -> None:
    page = opened(browser, Watch(scene.live.url))
    sign_in(page, scene.firm.member_email)
    page.wait_for_load_state("networkidle")  # a key that is pressed before goes to the page that is left
    page.locator("body").press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Support desk")).to_be_focused()
