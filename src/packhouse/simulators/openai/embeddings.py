"""Embeddings as OpenAI returns them."""

import base64

from packhouse.simulators import tokens, vectors
from packhouse.simulators.answer import Answer
from packhouse.simulators.asked import Asked
from packhouse.simulators.dialect import Rejected
from packhouse.simulators.http import Reply, json_reply
from packhouse.simulators.openai.wire import EmbeddingsBody

DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_DIMENSIONS_ELSE = 1024
_INPUTS_MAX = 2_048
_TOKENS_MAX = 8_192
_TOKENS_PER_CALL_MAX = 300_000


class EmbeddingsCall:
    """One embeddings request."""

    def __init__(self, body: EmbeddingsBody, *, head: tuple[tuple[str, str], ...]) -> None:
        self._body = body
        self._head = head
        inputs = _inputs(body)
        sizes = [len(it) if isinstance(it, list) else tokens.of_text(it) for it in inputs]
        if max(sizes) > _TOKENS_MAX:
            raise Rejected(400, f"This model's maximum context length is {_TOKENS_MAX} tokens.", param="input")
        if sum(sizes) > _TOKENS_PER_CALL_MAX:
            text = f"Requested {sum(sizes)} tokens, max {_TOKENS_PER_CALL_MAX} tokens per request"
            raise Rejected(400, text, code="max_tokens_per_request")
        self._texts = [it if isinstance(it, str) else " ".join(map(str, it)) for it in inputs]
        self._dimensions = _dimensions(body)
        self.asked = Asked(kind="embeddings", model=body.model, text="\n".join(self._texts), input_tokens=sum(sizes))

    def whole(self, answer: Answer) -> Reply:
        used = answer.usage.input
        data = [
            {"object": "embedding", "index": index, "embedding": self._shape(vectors.vector(text, self._dimensions))}
            for index, text in enumerate(self._texts)
        ]
        usage = {"prompt_tokens": used, "total_tokens": used}
        body = {"object": "list", "data": data, "model": self._body.model, "usage": usage}
        return json_reply(body, headers=self._head)

    def stream(self, answer: Answer) -> Reply:
        return self.whole(answer)

    def _shape(self, floats: tuple[float, ...]) -> object:
        if self._body.encoding_format == "float":
            return floats
        return base64.b64encode(vectors.packed(floats)).decode()


def _dimensions(body: EmbeddingsBody) -> int:
    most = DIMENSIONS.get(body.model, _DIMENSIONS_ELSE)
    if body.dimensions is None:
        return most
    if body.model == "text-embedding-ada-002":
        raise Rejected(400, "This model does not support specifying dimensions.", param="dimensions")
    if not 1 <= body.dimensions <= most:
        raise Rejected(400, f"Invalid value for 'dimensions': must be between 1 and {most}.", param="dimensions")
    return body.dimensions


def _inputs(body: EmbeddingsBody) -> list[str | list[int]]:
    given = body.input
    inputs: list[str | list[int]]
    if isinstance(given, str):
        inputs = [given]
    elif given and all(isinstance(it, int) for it in given):
        inputs = [[it for it in given if isinstance(it, int)]]
    else:
        inputs = [it for it in given if not isinstance(it, int)]
        if len(inputs) != len(given):
            raise Rejected(400, "Invalid 'input': tokens and texts are mixed.", param="input")
    if not inputs or not all(inputs):
        raise Rejected(400, "Invalid 'input': input cannot be an empty string.", param="input")
    if len(inputs) > _INPUTS_MAX:
        text = f"Invalid 'input': array too long. Expected an array with maximum length {_INPUTS_MAX}."
        raise Rejected(400, text, code="array_above_max_length", param="input")
    return inputs
