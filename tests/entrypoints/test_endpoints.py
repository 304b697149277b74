"""The endpoints of model providers as settings name them, and the catalog that they make."""

from pathlib import Path

import pytest

from packhouse.domain.errors import Refused
from packhouse.settings import load
from packhouse.wiring.catalog import catalog_of, offering_of
from packhouse.wiring.endpoints import Endpoint, endpoints_of


def one(text: str, **environment: str) -> Endpoint:
    return endpoints_of(load({"endpoint": [text]}, environment={}), environment)[0]


def test_an_endpoint_in_words() -> None:
    found = one("bedrock region=eu-central-1 access_key=env:ID secret_key=env:SECRET weight=2.5", ID="AK", SECRET="s")
    assert (found.provider, found.regions, found.weight) == ("bedrock", ("eu-central-1",), 2.5)
    assert (found.access_key, found.secret_key) == ("AK", "s")
    assert found.serves("eu-central-1")
    assert not found.serves("ca-central-1")
    assert repr(found) == "<Endpoint bedrock>"


def test_several_regions_and_a_secret_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-secret\n")
    found = one(f"anthropic region=eu-central-1+ca-central-1 key=file:{tmp_path / 'key'}")
    assert found.regions == ("eu-central-1", "ca-central-1")
    assert (found.key, found.url) == ("sk-secret", "https://api.anthropic.com")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bedrock region", "word number 1 behind the provider is not of the form name=value"),
        ("bedrock region=mars-1", "no region 'mars-1'"),
        ("bedrock colour=red", "no `colour=`"),
        ("bedrock weight=0", "more than 0"),
        ("bedrock weight=much", "Expected `float`"),
        ("bedrock access_key=a", "belong together"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("cohere key=env:NOT_THERE", "the environment has no NOT_THERE"),
        ("cohere key=file:/nowhere/key", "cannot be read"),
        ("openai_compatible url=http://127.0.0.1:1/v1", "needs url= and name="),
        ("anthropic key=k cap_field=max_tokens", "`cap_field=` does nothing for anthropic, which takes: region=, url="),
        ("anthropic key=k name=mine", "`name=` does nothing for anthropic"),
        ("cohere key=k asks_usage=false", "`asks_usage=` does nothing for cohere"),
        ("bedrock auth=api-key", "`auth=` does nothing for bedrock"),
        ("openai_compatible name=a url=http://127.0.0.1:1 access_key=a secret_key=b", "`access_key=` does nothing"),
        ("anthropic key=k url=ftp://files.example", "must be an address that begins with http:// or https://"),
        ("anthropic key=k url=api.example", "must be an address"),
        ("openai_compatible name=a url=http://127.0.0.1:port/v1", "must be an address"),
        ("bedrock weight=inf", "more than 0"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(Refused) as no:
        one(text)
    assert no.value.code == "setting_invalid"
    assert said in no.value.message
    assert text.split()[0] in no.value.message


def test_a_secret_is_never_repeated() -> None:
    for text in (
        "bedrock key=top-secret weight=0",
        "bedrock key=a key=top-secret",
        "bedrock kee=top-secret",
        "bedrock key=a top-secret",
        "bedrock top-secret=",
        "top-secret key=a",
        "cohere key=a url=http://top:top-secret@host weight=x",
        "cohere key=a url=ftp://top:top-secret@host",
        "cohere key=a url=top:top-secret@host",
        "cohere key=a url=http://top:a/top-secret@host weight=0",
        "cohere key=a url=http://host?key=top-secret weight=0",
        "anthropic key=top-secret name=mine",
        "openai_compatible name=a url=http://127.0.0.1:1 access_key=top-secret secret_key=top-secret",
    ):
        with pytest.raises(Refused) as no:
            one(text)
        assert "top-secret" not in no.value.message, no.value.message


def test_a_provider_that_there_is_not() -> None:
    with pytest.raises(Refused, match="must be one of: openai_compatible, bedrock, anthropic, cohere"):
        one("nobody url=http://x")


def test_bedrock_elsewhere_uses_the_credential_chain_and_a_simulator_here_gets_made_up_ones() -> None:
    assert one("bedrock").access_key == ""
    simulated = endpoints_of(load({"upstream": ["bedrock=http://127.0.0.1:9"]}, environment={}), {})[0]
    assert simulated.access_key
    own = endpoints_of(load({"upstream": ["bedrock=http://127.0.0.1:9"]}, environment={}), {"AWS_PROFILE": "x"})[0]
    assert own.access_key == ""
    bearer = one("bedrock", AWS_BEARER_TOKEN_BEDROCK="b")
    assert bearer.key == "b"


def test_short_forms_serve_every_region() -> None:
    settings = load({"upstream": "openai=http://127.0.0.1:1/v1/,cohere=http://127.0.0.1:2"}, environment={})
    openai, cohere = endpoints_of(settings, {})
    assert (openai.provider, openai.name, openai.url) == ("openai_compatible", "openai", "http://127.0.0.1:1/v1")
    assert (cohere.provider, cohere.key) == ("cohere", "simulated-key")
    with pytest.raises(Refused, match="KIND=URL"):
        endpoints_of(load({"upstream": "gemini=http://127.0.0.1:1"}, environment={}), {})
    with pytest.raises(Refused, match=r"`openai=…` .* begins with http://") as no:
        endpoints_of(load({"upstream": "openai=ftp://top:top-secret@host"}, environment={}), {})
    assert "top-secret" not in no.value.message


def test_models_take_their_makers_own_route_where_only_that_is_there() -> None:
    flags = {"endpoint": ["bedrock region=eu-central-1 key=k", "anthropic region=ca-central-1 key=k", "cohere key=k"]}
    settings = load(flags, environment={})
    catalog, offering = catalog_of(settings), offering_of(settings)
    sonnet, claude_3 = catalog.model("claude-sonnet-4-6"), catalog.model("claude-3-sonnet")
    assert sonnet.provider_in("eu-central-1") == "bedrock"
    assert claude_3.provider_in("ca-central-1") == "anthropic"
    offer = claude_3.offer("ca-central-1")
    assert offer is not None
    assert offer.served_as(True) == "claude-3-sonnet-20240229"
    english = catalog.model("cohere-embed-english-v3")
    assert (english.provider_in("eu-central-1"), english.provider_in("ca-central-1")) == ("bedrock", "cohere")
    assert offering.reaches(sonnet, "eu-central-1")
    assert offering.reaches(claude_3, "ca-central-1")
    assert [model.id for model in catalog.models] == [model.id for model in catalog_of(load({}, environment={})).models]


def test_an_openai_upstream_may_have_an_embeddings_model() -> None:
    flags = {"upstream": "openai=http://127.0.0.1:1/v1", "upstream_model": "big", "upstream_embeddings_model": "vec"}
    catalog = catalog_of(load(flags, environment={}))
    assert catalog.model("upstream-openai").name == "big (upstream server)"
    assert catalog.model("upstream-openai-embeddings").type == "embeddings"
    assert catalog.plans_for("embeddings", "openai-compatible")


def test_a_certificate_bundle_in_the_environment_is_no_credential() -> None:
    settings = load({"upstream": ["bedrock=http://127.0.0.1:9"]}, environment={})
    assert endpoints_of(settings, {"AWS_CA_BUNDLE": "/ca.pem", "AWS_REGION": "eu-central-1"})[0].access_key
