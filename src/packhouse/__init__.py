"""Packhouse: self-hosted GenAI resource packs with an entitlement that is enforced on the request path."""

__version__ = "0.1.0"
