"""Whether the parts of a catalog file fit together: the first mistake with its place and what to do."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from packhouse.adapters.catalog.file import CatalogFile, ModelTable, OfferTable, PlanTable
from packhouse.adapters.catalog.lines import Path

Mistake = tuple[Path, str]


def mistakes(file: CatalogFile) -> Iterator[Mistake]:
    """The place of each mistake and a sentence about it."""
    yield from _doubled("region", [one.id for one in file.region])
    yield from _doubled("terms", [one.id for one in file.terms])
    yield from _doubled("model", [one.id for one in file.model])
    for number, plan in enumerate(file.plan):
        yield from _plan(file, plan, at=("plan", number))
    for number, model in enumerate(file.model):
        yield from _model(file, model, at=("model", number))
    yield from _plans_clash(file)


def _doubled(table: str, ids: list[str]) -> Iterator[Mistake]:
    for number, id_ in enumerate(ids):
        if id_ in ids[:number]:
            yield (table, number, "id"), f"the id {id_!r} is used twice; give this one another"


def _plan(file: CatalogFile, plan: PlanTable, *, at: Path) -> Iterator[Mistake]:
    families = {model.family for model in file.model if model.type == plan.type} | {"openai-compatible"}
    for family in plan.families:
        if family not in families:
            known = ", ".join(sorted(families))
            yield (
                (*at, "families"),
                f"no model of type {plan.type} has the family {family!r}; there are: {known}",
            )
    for meter in plan.limits:
        if meter not in file.meters:
            known = ", ".join(file.meters) or "none"
            yield (*at, "limits", meter), f"there is no meter {meter!r}; there are: {known}"
    is_knowledge_base = plan.type == "knowledge_base"
    if is_knowledge_base and (plan.limits or plan.families):
        yield at, "a knowledge base plan has no limits and no families; take them out"
    if is_knowledge_base and not plan.disk_bytes:
        yield at, "a knowledge base plan needs disk_bytes; add it"
    if not is_knowledge_base and not plan.limits:
        yield at, "a plan of a model pack needs limits; add at least one"


def _plans_clash(file: CatalogFile) -> Iterator[Mistake]:
    uses = Counter[tuple[str, str, str]]()
    for number, plan in enumerate(file.plan):
        for family in plan.families or ("",):
            uses[plan.type, family, plan.name] += 1
            if uses[plan.type, family, plan.name] == 2:
                of = f" of family {family!r}" if family else ""
                yield ("plan", number, "name"), f"{plan.type}{of} has two plans {plan.name!r}; rename one"


def _model(file: CatalogFile, model: ModelTable, *, at: Path) -> Iterator[Mistake]:
    if model.type == "knowledge_base":
        yield (*at, "type"), "a model is of type text_generation or embeddings"
    if model.type == "embeddings" and not model.dimensions:
        yield at, "an embeddings model needs dimensions; add the numbers it can make, the default first"
    if model.type == "text_generation" and not 0 < model.output_tokens_default <= model.output_tokens_max:
        yield at, "output_tokens_default must be at least 1 and at most output_tokens_max"
    if model.everywhere == bool(model.offer):
        yield at, "a model has either `everywhere = true` or at least one [[model.offer]]"
    if (model.direct_provider is None) != (model.direct_model == ""):
        yield at, "direct_provider and direct_model, the maker's own id, belong together; add the other one"
    known = {terms.id for terms in file.terms}
    for terms in model.terms:
        if terms not in known:
            yield (
                (*at, "terms"),
                f"there are no terms {terms!r}; there are: {', '.join(sorted(known)) or 'none'}",
            )
    plans = [plan for plan in file.plan if plan.type == model.type]
    if not any(not plan.families or model.family in plan.families for plan in plans):
        yield (*at, "family"), f"no plan sells the family {model.family!r}; add it to the families of a plan"
    for number, offer in enumerate(model.offer):
        yield from _offer(file, offer, at=(*at, "offer", number))
    yield from _life(model, at)


def _offer(file: CatalogFile, offer: OfferTable, *, at: Path) -> Iterator[Mistake]:
    regions = [region.id for region in file.region]
    if offer.region not in regions:
        yield (*at, "region"), f"there is no region {offer.region!r}; there are: {', '.join(regions)}"
    if offer.cri != "only" and not offer.provider_model:
        yield at, "an offer that may be served without CRI needs provider_model, the provider's own id"
    if offer.cri != "no" and not offer.cri_profile:
        yield at, "an offer with CRI needs cri_profile, the provider's id of the inference profile"
    if offer.cri != "no" and not offer.serving_regions:
        yield at, "an offer with CRI needs serving_regions, so that people see where a call may go"


def _life(model: ModelTable, at: Path) -> Iterator[Mistake]:
    dates = [
        (name, date)
        for name in ("announced_on", "legacy_on", "end_of_life_on")
        if (date := getattr(model, name)) is not None
    ]
    for (earlier, before), (later, after) in pairwise(dates):
        if after < before:
            yield (*at, later), f"{later} lies before {earlier}"
