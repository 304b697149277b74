"""What may be provisioned: models, regions and terms, each no with its reason."""

from packhouse.domain.catalog import Model, Offer
from packhouse.domain.errors import Refused
from packhouse.domain.terms import standing
from packhouse.domain.units import CompanyId
from packhouse.services.context import Act


def check_region(act: Act, region: str) -> None:
    """Refused: invalid_request (no such region), region_not_offered."""
    regions = act.context.catalog.regions
    if all(one.id != region for one in regions):
        names = ", ".join(one.id for one in regions)
        raise Refused("invalid_request", f"There is no region {region!r}; there are: {names}.", field="region")
    if not act.context.offering.has_region(region):
        offered = ", ".join(one.id for one in regions if act.context.offering.has_region(one.id)) or "none"
        raise Refused(
            "region_not_offered",
            f"This installation does not offer {region}; it offers: {offered}.",
            region=region,
        )


async def check_model(act: Act, model: Model, *, company_id: CompanyId, region: str) -> Offer:
    """The model's offer in the region. Refused: model_ended, model_not_in_region, terms_not_accepted."""
    if model.life_cycle(act.now) == "ended":
        raise Refused("model_ended", f"The life of {model.name} ended on {model.end_of_life_on}; choose another model.")
    offer = model.offer(region)
    if offer is None or not act.context.offering.reaches(model, region):
        raise Refused("model_not_in_region", _where(act, model, region=region), model=model.id, region=region)
    accepted = await act.work.terms.of_company(company_id)
    standings = [standing(terms, accepted, now=act.now) for terms in act.context.catalog.terms_of(model)]
    missing = [one.terms for one in standings if one.state == "missing"]
    if missing:
        names = " and ".join(f"{one.name} (version {one.version})" for one in missing)
        raise Refused(
            "terms_not_accepted",
            f"{model.name} needs an admin of the company to accept: {names}.",
            terms=[one.id for one in missing],
        )
    return offer


def chosen_cri(offer: Offer, wished: bool | None) -> bool:
    """On where offered, unless it is declined. Refused(invalid_request) for what the offer does not allow."""
    if offer.cri == "only" and wished is False:
        raise Refused("invalid_request", "This model is served by cross-region inference only here.", field="cri")
    if offer.cri == "no" and wished:
        raise Refused("invalid_request", "This model has no cross-region inference here.", field="cri")
    return offer.cri == "only" or (offer.cri == "optional" and wished is not False)


def _where(act: Act, model: Model, *, region: str) -> str:
    offered = [one.region for one in model.offers if act.context.offering.reaches(model, one.region)]
    elsewhere = f" It is in: {', '.join(offered)}." if offered else " This installation has no endpoint for it."
    return f"{model.name} is not offered in {region}.{elsewhere}"
