"""Delivering alerts: what is due, to its recipient, again and later where that failed, in the end given up.

At least once: a worker that dies after a receiver has taken a message leaves it to be sent again, under the same id.
"""

import asyncio
from datetime import timedelta

from packhouse.domain.alert import Channel, retry_after
from packhouse.ports.alerts import Dispatch, Outbox
from packhouse.ports.notify import SEND_SECONDS, Failed, Mail, Message, Webhooks
from packhouse.services.alert_text import event, letter, trial

LEASE = timedelta(seconds=3 * SEND_SECONDS)
"""Longer than an attempt takes, with room for a slow database."""


class Delivering:
    """`mail` None: e-mail is not set up. `portal_url` leads readers to the pack. What a worker that died was sending
    is sent by another when its `lease` has ended."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        mail: Mail | None,
        webhooks: Webhooks,
        portal_url: str,
        lease: timedelta = LEASE,
    ) -> None:
        self._outbox = outbox
        self._mail = mail
        self._webhooks = webhooks
        self._portal_url = portal_url
        self._lease = lease

    async def next(self, channel: Channel | None = None) -> Dispatch | None:
        """Something that is due, for this worker alone until its lease ends; None as a channel: by either."""
        return await self._outbox.claim(lease=self._lease, channel=channel)

    async def deliver(self, dispatch: Dispatch) -> None:
        """One attempt, and what came of it. Cut off, it is given back."""
        delivery = dispatch.delivery
        if delivery.attempts > delivery.attempts_max:  # each attempt took its worker with it
            return await self._outbox.failed(delivery, "given up", retry_after=None)
        try:
            failed = await self._sent(dispatch)
        except asyncio.CancelledError:
            await self._outbox.give_back(delivery)
            raise
        if failed is None:
            return await self._outbox.delivered(delivery)
        if failed.gone:
            return await self._outbox.gone(delivery)
        last = failed.for_good or delivery.attempts >= delivery.attempts_max
        again = None if last else retry_after(delivery.id, delivery.attempts)
        return await self._outbox.failed(delivery, failed.error, retry_after=again)

    async def _sent(self, dispatch: Dispatch) -> Failed | None:
        delivery, alert, place = dispatch.delivery, dispatch.alert, dispatch.place
        if delivery.channel == "email":
            assert alert is not None, "what goes by e-mail is an alert"
            if self._mail is None:
                return Failed("e-mail is not set up", for_good=True)
            return await self._mail.send(letter(alert, delivery, portal_url=self._portal_url))
        if place is None:
            return Failed("webhook disabled or removed", for_good=True)
        body = trial(delivery) if alert is None else event(alert, portal_url=self._portal_url)
        id_ = delivery.id if alert is None else alert.id
        return await self._webhooks.post(Message(id=id_, url=place.url, secrets=place.secrets, body=body))
