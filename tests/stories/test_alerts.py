"""A pack is used up through the gateway: 80, 90 and 100 % are said once each, by a mail server and a webhook."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.crowd import Caller
from tests.support.databases import KINDS, Kind, of_a_demo
from tests.support.receivers import Hook, Mailbox, hook, mailbox
from tests.support.running import Running, demo, serving
from tests.support.simulated import catalog_with, upstream

LIMIT = 6_000
MOST = 60
"""Output tokens of a call: one per cent of the limit."""
SAID_SECONDS = 60
"""Far more than a busy machine needs; the guide promises ten."""
QUIET_SECONDS = 8
"""Long enough for what is said twice to come, its first repetition included."""
SECRET_WORDS = "at length, about the harvest"
RULES = f"""
[[rules]]
when = "at length"
text = "{"word " * 200}"
"""
THRESHOLDS = ["80 % of the output tokens used", "90 % of the output tokens used", "output tokens used up"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_threshold_is_said_once(kind: Kind, tmp_path: Path) -> None:
    with ExitStack() as stack:
        box, receiver = stack.enter_context(mailbox()), stack.enter_context(hook())
        provider = stack.enter_context(upstream(tmp_path, RULES))
        _, environment = stack.enter_context(of_a_demo(kind, tmp_path))
        flags = (*provider.flags, *told_by(box), "--catalog", str(catalog_with(tmp_path, output=LIMIT)))
        running = stack.enter_context(demo(tmp_path, *flags, environment=environment))
        if kind == "postgresql":  # a second worker, on a node of its own
            second = (*flags, "--parts", "gateway,worker", "--control-url", running.control)
            stack.enter_context(serving(tmp_path / "second", *second, environment=environment))
        secret = webhook(running, receiver)
        receiver.statuses += [500]  # the first that comes is turned down
        admin = running.report["logins"]["admin"]["email"]
        for number, percent in enumerate((80, 90, 100), start=1):
            use_up_to(running, percent)
            until(lambda number=number: len(box.to(admin)) >= number and len(receiver.taken) >= number)
        time.sleep(QUIET_SECONDS)
        name = pack(running)["display_name"]
        assert box.to(admin) == [f"{name}: {what}" for what in THRESHOLDS]
        assert len({letter["Message-ID"] for letter in box.letters}) == len(box.letters)
        said_once(running, receiver, secret)
        nothing_of_a_call(box, receiver)
        delivered(running)


def told_by(box: Mailbox) -> tuple[str, ...]:
    mail = ("--smtp-host", "127.0.0.1", "--smtp-port", str(box.port), "--smtp-security", "none")
    return (*mail, "--smtp-from", "packhouse@example.com", "--webhook-private-addresses", "true")


def webhook(running: Running, receiver: Hook) -> str:
    """Its secret."""
    with running.api() as api:
        company = pack(running)["company_id"]
        made = api.post(f"/companies/{company}/webhooks", json={"url": receiver.url})
        return made.raise_for_status().json()["secret"]


def pack(running: Running) -> dict[str, Any]:
    with running.api() as api:
        return api.get(f"/resources/{running.report['resources']['text']}").raise_for_status().json()


def use_up_to(running: Running, percent: int) -> None:
    """Call by call, so that no threshold is jumped; to the last token for 100."""

    async def used() -> None:
        caller = Caller(running.gateway, running.report["keys"]["text"])
        while consumed(running) * 100 < LIMIT * percent:
            refusal = await caller.ask(f"Tell me {SECRET_WORDS}.", output_tokens=MOST)
            if refusal is not None:  # fewer are left than the smallest call takes
                assert percent == 100
                break
        caller.close()

    asyncio.run(used())


def consumed(running: Running) -> int:
    with running.api() as api:
        report = api.get(f"/resources/{running.report['resources']['text']}/consumption").raise_for_status().json()
    return next(meter["used"] for meter in report["meters"] if meter["meter"] == "output")


def until(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SAID_SECONDS
    while not said():
        assert time.monotonic() < deadline, "it was not said"
        time.sleep(0.1)


def said_once(running: Running, receiver: Hook, secret: str) -> None:
    """To the webhook, signed, under one id each, the one that was turned down too."""
    events = receiver.events(secret)
    assert sorted(event["data"]["threshold_percent"] for event in events) == [80, 90, 100]
    assert len({event["id"] for event in events}) == 3
    assert len(receiver.posts) == 4
    assert receiver.posts[0][1]["webhook-id"] in {event["id"] for event in events}
    for event in events:
        assert event["data"]["resource_id"] == running.report["resources"]["text"]
        assert event["data"]["limit"] == LIMIT
        assert event["data"]["link"].startswith(running.control)


def nothing_of_a_call(box: Mailbox, receiver: Hook) -> None:
    told = [letter.as_string() for letter in box.letters] + [body.decode() for _, _, body in receiver.posts]
    for text in told:
        assert "harvest" not in text
        assert "word word" not in text


def delivered(running: Running) -> None:
    with running.api() as api:
        found = api.get(f"/resources/{running.report['resources']['text']}/alerts").raise_for_status().json()["alerts"]
    assert [alert["kind"] for alert in found] == ["used_100", "used_90", "used_80"]
    deliveries = [one for alert in found for one in alert["deliveries"]]
    assert {one["state"] for one in deliveries} == {"delivered"}
    assert sorted(one["attempts"] for one in deliveries if one["channel"] == "webhook") == [1, 1, 2]
