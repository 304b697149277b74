"""All tables of the installation's database. The data plane reads and writes some of them without this library."""

from packhouse.adapters.sql.tables.alert import alert, alert_delivery, alert_look, alert_mute, webhook
from packhouse.adapters.sql.tables.columns import metadata
from packhouse.adapters.sql.tables.entitlement import contract, ledger_entry, ledger_posting
from packhouse.adapters.sql.tables.people import (
    app_user,
    company,
    link_token,
    personal_token,
    session,
    sign_in_failure,
    terms_acceptance,
)
from packhouse.adapters.sql.tables.resource import (
    api_key,
    entitlement_revision,
    key_opening,
    membership,
    provision_request,
    resource,
    resource_limit,
)
from packhouse.adapters.sql.tables.usage import (
    knowledge_count,
    knowledge_hour,
    meter_block,
    meter_process,
    meter_recall,
    usage_day,
    usage_hour,
    usage_record,
    usage_total,
)
from packhouse.adapters.sql.tables.work import activity_chain, activity_entry, job

__all__ = [
    "activity_chain",
    "activity_entry",
    "alert",
    "alert_delivery",
    "alert_look",
    "alert_mute",
    "api_key",
    "app_user",
    "company",
    "contract",
    "entitlement_revision",
    "job",
    "key_opening",
    "knowledge_count",
    "knowledge_hour",
    "ledger_entry",
    "ledger_posting",
    "link_token",
    "membership",
    "metadata",
    "meter_block",
    "meter_process",
    "meter_recall",
    "personal_token",
    "provision_request",
    "resource",
    "resource_limit",
    "session",
    "sign_in_failure",
    "terms_acceptance",
    "usage_day",
    "usage_hour",
    "usage_record",
    "usage_total",
    "webhook",
]
