"""The catalog file: the defaults are what the specification says, and a mistake is named with its line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.catalog.toml import DEFAULT, parse_catalog, read_catalog
from packhouse.domain.catalog import Catalog, openai_compatible_model
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens, ResourceType

TEXT = DEFAULT.read_text("utf-8")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.mark.parametrize(
    ("type_", "family", "plan", "price", "limits"),
    [
        ("text_generation", "claude", "S", 30, {"input": 2_500_000, "output": 1_250_000}),
        ("text_generation", "local-text", "M", 60, {"input": 5_000_000, "output": 2_500_000}),
        ("text_generation", "openai-compatible", "L", 120, {"input": 10_000_000, "output": 5_000_000}),
        ("embeddings", "cohere-embed", "S", 6, {"input": 5_000_000}),
        ("embeddings", "local-embeddings", "M", 12, {"input": 10_000_000}),
        ("embeddings", "local-embeddings", "L", 24, {"input": 20_000_000}),
        ("knowledge_base", "", "Standard", 48, {}),
    ],
)
def test_plans(
    catalog: Catalog, type_: ResourceType, family: str, plan: str, price: int, limits: dict[str, int]
) -> None:
    found = catalog.plan(plan, type_, family=family)
    assert found.price_cloud_tokens == price
    assert {one.meter: one.limit for one in found.limits} == limits
    for one in found.limits:
        weighed = one.weights.amount(ModelTokens(1, 10, 100, 1000))
        assert weighed == {"input": 1101, "output": 10}[one.meter]


def test_models(catalog: Catalog) -> None:
    regions = {model.id: [(one.region, one.cri) for one in model.offers] for model in catalog.models}
    frankfurt, montreal = "eu-central-1", "ca-central-1"
    assert regions == {
        "local-text": [(frankfurt, "no"), (montreal, "no")],
        "local-embeddings": [(frankfurt, "no"), (montreal, "no")],
        "claude-sonnet-4-6": [(frankfurt, "only")],
        "claude-sonnet-4-5": [(frankfurt, "only")],
        "claude-sonnet-4": [(frankfurt, "only")],
        "claude-3-7-sonnet": [(frankfurt, "only")],
        "claude-3-sonnet": [(montreal, "no")],
        "cohere-embed-v4": [(frankfurt, "only")],
        "cohere-embed-english-v3": [(frankfurt, "no"), (montreal, "no")],
        "cohere-embed-multilingual-v3": [(frankfurt, "no"), (montreal, "no")],
    }
    assert catalog.model("local-embeddings").dimensions == (512,)
    assert catalog.model("claude-3-7-sonnet").life_cycle(NOW) == "legacy"
    assert catalog.model("claude-sonnet-4-6").life_cycle(NOW) == "current"
    offer = catalog.model("claude-sonnet-4-6").offer(frankfurt)
    assert offer is not None
    assert offer.served_as(cri=True) == "eu.anthropic.claude-sonnet-4-6"
    for model in catalog.models:
        assert bool(model.terms) == (model.provider != "local")
        assert all(one.served_as(one.cri == "only") for one in model.offers)


def test_unknown_models_and_plans_are_refused_with_what_there_is(catalog: Catalog) -> None:
    with pytest.raises(Refused) as refused:
        catalog.model("x")
    assert refused.value.code == "model_unknown"
    with pytest.raises(Refused, match="S, M, L"):
        catalog.plan("XL", "text_generation", family="claude")


def test_an_overlay_replaces_its_namesake(catalog: Catalog) -> None:
    model = openai_compatible_model("mine", regions=["eu-central-1"], provider_model="a", endpoint="openai")
    other = openai_compatible_model("mine", regions=["eu-central-1"], provider_model="b", endpoint="openai")
    twice = catalog.with_model(model).with_model(other)
    assert len(twice.models) == len(catalog.models) + 1
    assert twice.family("openai-compatible", "eu-central-1") == (other,)
    assert [plan.name for plan in twice.plans_for("text_generation", model.family)] == ["S", "M", "L"]


@pytest.mark.parametrize(
    ("before", "after", "at_line_with", "said"),
    [
        ("price_cloud_tokens = 30", 'price_cloud_tokens = "30"', 'price_cloud_tokens = "30"', "Expected `int`"),
        ("price_cloud_tokens = 30", "price_cloud_tokens = 0", "price_cloud_tokens = 0", ">= 1"),
        ("price_cloud_tokens = 30", "price = 30", "price = 30", "unknown field `price`"),
        ("output = 1_250_000", "outputs = 1_250_000", "outputs = 1_250_000", "no meter 'outputs'"),
        ('cri = "only"', 'cri = "always"', 'cri = "always"', "'always'"),
        ('region = "ca-central-1"\nprovider_model', 'region = "ca"\nprovider_model', 'region = "ca"', "no region 'ca'"),
        ('family = "local-text"', 'family = "mine"', '"local-text", "openai-compatible"', "family 'local-text'"),
        ('id = "local-text"', 'id = "local text"', 'id = "local text"', "regex"),
        ('id = "claude-sonnet-4-5"', 'id = "claude-sonnet-4-6"', 'id = "claude-sonnet-4-6"', "used twice"),
        ("dimensions = [512]", "", "[[model]]", "needs dimensions"),
        ('terms = ["aws-bedrock", "cohere"]', 'terms = ["cohere-2"]', 'terms = ["cohere-2"]', "no terms 'cohere-2'"),
        ("since = 2026-01-01", 'since = "soon"', 'since = "soon"', "must be a date such as 2026-01-31"),
        ("everywhere = true", "everywhere = false", "[[model]]", "everywhere = true"),
        ("legacy_on = 2025-10-28", "legacy_on = 2025-10-28\nend_of_life_on = 2025-01-01", "end_of_life_on", "before"),
        ("[[plan]]", "[[plan]", "[[plan]", "not TOML"),
        ("output_tokens_default = 1024", "output_tokens_default = 9999", "[[model]]", "at most output_tokens_max"),
    ],
)
def test_a_mistake_is_named_with_its_line(before: str, after: str, at_line_with: str, said: str) -> None:
    assert before in TEXT
    text = TEXT.replace(before, after, 1)
    with pytest.raises(Refused) as refused:
        parse_catalog(text, "mine.toml")
    assert refused.value.code == "catalog_invalid"
    line = refused.value.facts["line"]
    assert isinstance(line, int)
    assert at_line_with in text.splitlines()[line - 1]
    assert refused.value.message.startswith(f"mine.toml, line {line}: ")
    assert said in refused.value.message


@given(st.integers(0, len(TEXT) - 1), st.integers(1, 60), st.sampled_from(["", "x", "]", '"', "= 1\n", "[[plan]]\n"]))
def test_whatever_is_broken_is_refused_and_never_crashes(start: int, length: int, put: str) -> None:
    try:
        parse_catalog(TEXT[:start] + put + TEXT[start + length :], "mine.toml")
    except Refused as refused:
        assert refused.code == "catalog_invalid"  # noqa: PT017 - most cuts break it, some do not


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing.toml", tmp_path, tmp_path / "latin.toml"):
        with pytest.raises(Refused) as refused:
            read_catalog(path)
        assert refused.value.code == "catalog_invalid"
        assert str(path) in refused.value.message
