"""The worker's alerts: the book and the outbox of this installation's database, mail and webhooks as it has them."""

from collections.abc import Generator
from contextlib import contextmanager

from packhouse.adapters.alerts.book import SqlAlertBook
from packhouse.adapters.alerts.database import AlertDatabase
from packhouse.adapters.alerts.outbox import SqlOutbox
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.entrypoints.worker.alerts import AlertRounds
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import Delivering
from packhouse.wiring.catalog import catalog_of
from packhouse.wiring.data_plane import DataPlane
from packhouse.wiring.layout import database_of, layout_of
from packhouse.wiring.notify import mail_of, webhooks_of
from packhouse.wiring.part import Part


@contextmanager
def open_alerts(part: Part, plane: DataPlane) -> Generator[AlertRounds]:
    settings, clock, ids = part.settings, plane.clock, plane.ids
    mail = mail_of(settings, clock)
    database = AlertDatabase(database_of(settings))
    try:
        alerting = Alerting(
            SqlAlertBook(database, clock, ids=ids),
            clock,
            ids=ids,
            catalog=catalog_of(settings),
            sizes=EmbeddedSizes(layout_of(settings).knowledge),
            by_mail=mail is not None,
        )
        delivering = Delivering(
            SqlOutbox(database, clock, ids=ids),
            mail=mail,
            webhooks=webhooks_of(settings, clock),
            portal_url=part.control_url,
        )
        yield AlertRounds(alerting, delivering)
    finally:
        database.close()
