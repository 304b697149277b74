"""What the control plane keeps of alerts and webhooks; part of `ports.store.Work`. The worker has its own port."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from packhouse.domain.alert import Alert, Delivery, Mute
from packhouse.domain.units import AlertId, CompanyId, DeliveryId, ResourceId, UserId, WebhookId
from packhouse.domain.webhook import SigningSecret, Webhook


class AlertRepository(Protocol):
    """Alerts are raised and delivered by the worker, read here."""

    async def of_resource(self, resource_id: ResourceId, *, limit: int) -> list[Alert]:
        """Newest first."""
        ...

    async def of_company(self, company_id: CompanyId, *, limit: int) -> list[Alert]:
        """Newest first."""
        ...

    async def deliveries(self, alert_ids: Iterable[AlertId]) -> Mapping[AlertId, list[Delivery]]:
        """In the order in which they were made; an alert without one is left out."""
        ...

    async def deliveries_to(self, webhook_id: WebhookId, *, limit: int) -> list[Delivery]:
        """Newest first, trials included."""
        ...

    async def delivery(self, delivery_id: DeliveryId) -> Delivery | None: ...
    async def add_delivery(self, delivery: Delivery) -> None:
        """Sent by the worker once the transaction is committed."""
        ...

    async def trials_pending(self, webhook_id: WebhookId) -> int:
        """Trials that are neither delivered nor given up."""
        ...

    async def send_again(self, delivery_id: DeliveryId, *, at: datetime) -> bool:
        """Due at `at`, its attempts counted anew; False, and nothing done, unless it waits or has failed."""
        ...

    async def mutes(self, user_id: UserId) -> list[Mute]: ...
    async def mute(self, mute: Mute) -> None:
        """Twice is fine; the first counts."""
        ...

    async def unmute(self, user_id: UserId, resource_id: ResourceId | None) -> None: ...


class WebhookRepository(Protocol):
    async def add(self, webhook: Webhook, secret: SigningSecret) -> None: ...
    async def get(self, webhook_id: WebhookId) -> Webhook | None: ...
    async def of_company(self, company_id: CompanyId) -> list[Webhook]:
        """In the order in which they were made."""
        ...

    async def replace(self, webhook: Webhook) -> None:
        """All but the secrets."""
        ...

    async def rotate(self, webhook_id: WebhookId, secret: SigningSecret, *, previous_until_at: datetime) -> None:
        """The secret before signs too until then; one before that no more."""
        ...

    async def remove(self, webhook_id: WebhookId) -> None:
        """Its deliveries stay to be read."""
        ...
