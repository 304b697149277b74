"""Calls stay in their region's geography."""

import pytest

from packhouse.domain.geography import profile_prefix, profile_stays_in, without_profile

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize("region", ["eu-central-1", "eu-west-3", "ca-central-1", "us-east-1", "ap-southeast-2"])
@pytest.mark.parametrize("model", [SONNET, "cohere.embed-v4:0", "zai.glm-4.7", "ai21.jamba-1-5-large-v1:0"])
def test_a_plain_id_stays_everywhere(region: str, model: str) -> None:
    assert profile_stays_in(region, model)


@pytest.mark.parametrize(
    ("region", "may"),
    [
        ("eu-central-1", {"eu"}),
        ("eu-south-2", {"eu"}),
        ("ca-central-1", set[str]()),
        ("ca-west-1", set[str]()),
        ("us-east-1", {"us", "global"}),
        ("us-gov-west-1", {"us-gov"}),
        ("ap-northeast-1", {"apac", "jp", "au", "global"}),
        ("sa-east-1", set[str]()),
        ("eusc-de-east-1", set[str]()),
    ],
)
def test_a_profile_stays_in_its_own(region: str, may: set[str]) -> None:
    prefixes = ("eu", "ca", "us", "us-gov", "apac", "jp", "au", "global", "xx", "EU", "GLOBAL")
    assert {each for each in prefixes if profile_stays_in(region, f"{each}.{SONNET}")} - {"EU", "GLOBAL"} == may
    assert profile_stays_in(region, f"GLOBAL.{SONNET}") == ("global" in may)


@pytest.mark.parametrize(
    ("arn", "regions"),
    [
        ("arn:aws:bedrock:eu-central-1::foundation-model/" + SONNET, {"eu-central-1"}),
        ("arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu." + SONNET, {"eu-central-1"}),
        ("arn:aws:bedrock:eu-central-1:123456789012:inference-profile/global." + SONNET, set[str]()),
        ("arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc", set[str]()),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", {"us-east-1"}),
        ("arn:aws:bedrock:ca-central-1:123456789012:provisioned-model/abc", {"ca-central-1"}),
        ("arn:aws:bedrock:ca-central-1:123456789012:inference-profile/" + SONNET, set[str]()),
        ("arn:aws:bedrock:eu-central-1:123456789012:prompt-router/abc", set[str]()),
        ("arn:aws:sagemaker:eu-central-1:123456789012:endpoint/abc", {"eu-central-1"}),
        ("arn:nonsense", set[str]()),
    ],
)
def test_an_arn_says_where_it_leads_or_is_not_called(arn: str, regions: set[str]) -> None:
    known = ("eu-central-1", "ca-central-1", "us-east-1")
    assert {region for region in known if profile_stays_in(region, arn)} == regions


@pytest.mark.parametrize("model", ["", ".", "../x", " us." + SONNET, "anthropic/claude", "a.b\n"])
def test_what_is_no_id_leads_nowhere(model: str) -> None:
    assert not profile_stays_in("eu-central-1", model)


def test_the_plain_id_behind_a_profile() -> None:
    assert without_profile("eu." + SONNET) == SONNET
    assert without_profile("us-gov." + SONNET) == SONNET
    assert without_profile(SONNET) == SONNET
    assert without_profile("arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu." + SONNET) == SONNET
    assert profile_prefix("zai.glm-4.7") == ""
