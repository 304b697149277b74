"""OpenAI's and Cohere's own schemas, with `nullable` taken at its word as the providers take it."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.specs import cohere_schema, openai_schema


def check_openai(name: str, body: Any) -> None:
    """Raises where a body is not what OpenAI's description says."""
    _openai(name).validate(body)


def check_cohere(name: str, body: Any) -> None:
    cohere_schema(name).validate(body)


@cache
def _openai(name: str) -> Draft202012Validator:
    return Draft202012Validator(_nullable(openai_schema(name).schema))


def _nullable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_nullable(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _nullable(value) for key, value in schema.items()}
    return {"anyOf": [inner, {"type": "null"}]} if inner.pop("nullable", None) is True else inner
