"""What differs between the makers of the models that Bedrock serves, beneath the one dialect."""

from typing import Literal

Family = Literal["claude", "nova", "other"]

_OPAQUE = ("application-inference-profile/", "provisioned-model/")


def family_of(model: str) -> Family:
    """By the model's id. An ARN that names no model is taken for a Claude, which is what such are mostly made for."""
    if "anthropic." in model or any(kind in model for kind in _OPAQUE):
        return "claude"
    return "nova" if "amazon.nova" in model else "other"
