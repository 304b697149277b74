"""Which model ids there are, from where: foundation models, inference profiles, and what is asked of each."""

import re

from packhouse.simulators.dialect import Rejected

_INVALID = "The provided model identifier is invalid."
_ID = re.compile(
    r"(?:arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:[a-z-]+/)?"
    r"(?:(?P<geo>us|eu|apac|jp|au|ca|us-gov|global)\.)?"
    r"(?P<model>(?:anthropic|amazon|cohere|meta|mistral|openai|qwen|deepseek|ai21|writer|moonshot|minimax|google)"
    r"\.[a-z0-9.-]+(?::[0-9]+)?(?::[0-9]+k)?)"
)
_OWN_PROFILE = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:[0-9]{12}:application-inference-profile/[a-z0-9]+")
_GEO_REGIONS = {
    "us": ("us-", "ca-"),
    "eu": ("eu-",),
    "apac": ("ap-",),
    "jp": ("ap-northeast-",),
    "au": ("ap-southeast-",),
    "ca": ("ca-",),
    "us-gov": ("us-gov-",),
}
_PROFILES_ONLY = re.compile(r"anthropic\.claude-(?:(?:sonnet|opus|haiku)-[4-9]|3-7)|cohere\.embed-v4")
_ON_DEMAND = {
    "anthropic.claude-sonnet-4-6": ("eu-west-2",),
    "cohere.embed-v4:0": ("eu-west-1", "us-east-1", "us-east-2", "us-west-2"),
}
"""Models of the profiles-only families that some regions serve without a profile."""


def check(model_id: str, region: str) -> str:
    """The foundation model behind an id, empty where the id does not tell it (a profile of one's own).

    `region` is empty where the request does not tell it. Raises `Rejected`.
    """
    if _OWN_PROFILE.fullmatch(model_id):
        return ""
    found = _ID.fullmatch(model_id)
    if not found or "does-not-exist" in model_id or "nonexistent" in model_id:
        raise Rejected(400, _INVALID)
    geo, model = found["geo"], found["model"]
    if geo and region and not region.startswith(_GEO_REGIONS.get(geo, ("",))):
        raise Rejected(400, _INVALID)
    if not geo and region and _PROFILES_ONLY.match(model) and region not in _ON_DEMAND.get(model, ()):
        raise Rejected(
            400,
            f"Invocation of model ID {model_id} with on-demand throughput isn’t supported. Retry your request with"
            " the ID or ARN of an inference profile that contains this model.",
        )
    return model
