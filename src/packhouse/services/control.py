"""The services of the control plane, made together from one context."""

from dataclasses import dataclass

from packhouse.services.activity import ActivityLog
from packhouse.services.alert import Alerts
from packhouse.services.catalog import Offers
from packhouse.services.company import Companies
from packhouse.services.consumption import Consumptions
from packhouse.services.context import Context
from packhouse.services.key import Keys
from packhouse.services.ledger import Entitlements
from packhouse.services.lifecycle import Lifecycle
from packhouse.services.provision import Provisioning
from packhouse.services.resource import Resources
from packhouse.services.sign_in import SignIn
from packhouse.services.team import Team
from packhouse.services.terms import ThirdPartyTerms
from packhouse.services.user import Users
from packhouse.services.webhook import Webhooks


@dataclass(frozen=True, slots=True)
class Control:
    companies: Companies
    users: Users
    sign_in: SignIn
    entitlements: Entitlements
    offers: Offers
    terms: ThirdPartyTerms
    provisioning: Provisioning
    resources: Resources
    team: Team
    keys: Keys
    consumption: Consumptions
    activity: ActivityLog
    alerts: Alerts
    webhooks: Webhooks
    lifecycle: Lifecycle


def control(context: Context) -> Control:
    return Control(
        companies=Companies(context),
        users=Users(context),
        sign_in=SignIn(context),
        entitlements=Entitlements(context),
        offers=Offers(context),
        terms=ThirdPartyTerms(context),
        provisioning=Provisioning(context),
        resources=Resources(context),
        team=Team(context),
        keys=Keys(context),
        consumption=Consumptions(context),
        activity=ActivityLog(context),
        alerts=Alerts(context),
        webhooks=Webhooks(context),
        lifecycle=Lifecycle(context),
    )
