"""How simulators count tokens: a rule that anyone can compute again, so that a caller is checked to the token.

- text: one token for every four bytes of UTF-8 that are begun;
- a call costs 8, each message 4 on top, each tool 8 and the text of its name, description and schema (compact
  JSON, keys sorted); a tool call the text of its name and arguments and 4; a tool result 4 and its content;
- an image 1,000; a page of a PDF 1,500; any other document the text that its bytes would be;
- input that was marked for caching counts as written the first time and as read from then on.
"""

import re

import msgspec

PER_CALL = 8
PER_MESSAGE = 4
PER_TOOL = 8
PER_TOOL_CALL = 4
PER_IMAGE = 1_000
PER_PAGE = 1_500

_PAGE = re.compile(rb"/Type\s*/Page\b")


def of_bytes(size: int) -> int:
    """Tokens of a text of that many bytes."""
    return (size + 3) >> 2


def of_text(text: str) -> int:
    """Tokens of a text."""
    return (len(text.encode("utf-8", "surrogatepass")) + 3) >> 2


def of_json(value: object) -> int:
    """Tokens of a JSON value, however its keys were ordered and spaced."""
    return of_bytes(len(msgspec.json.encode(value, order="deterministic")))


def of_tool(name: str, description: str, *, schema: object) -> int:
    """Tokens of a tool's declaration."""
    return PER_TOOL + of_text(name) + of_text(description) + of_json(schema)


def of_call(name: str, arguments: object) -> int:
    """Tokens of a tool call in a history."""
    return PER_TOOL_CALL + of_text(name) + of_json(arguments)


def of_document(data: bytes) -> int:
    """Tokens of a document's bytes."""
    if data.startswith(b"%PDF"):
        return PER_PAGE * max(1, len(_PAGE.findall(data)))
    return of_bytes(len(data))


def cut(text: str, tokens_max: int) -> str:
    """The longest beginning of `text` that counts no more than `tokens_max`."""
    return text.encode("utf-8", "surrogatepass")[: tokens_max * 4].decode("utf-8", "ignore")
