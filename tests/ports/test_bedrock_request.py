"""Converse bodies: what each neutral thing becomes, and that the service's own model takes all of it."""

import base64
import json
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.bedrock.request import converse_body, count_body
from packhouse.domain.chat import (
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    Role,
    ThinkingWish,
    Tool,
    ToolChoice,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    text_result,
)
from packhouse.domain.errors import Refused
from tests.support.converse import faults_of, part, raw

Json = dict[str, Any]

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "eu.amazon.nova-lite-v1:0"
OTHER = "mistral.mistral-large-2402-v1:0"
PNG = b"\x89PNG\r\n\x1a\n"


def asked(*messages: Message, model: str = CLAUDE, **arguments: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=messages or (Message("user", (Text("Hello"),)),), **arguments)


def body_of(request: ChatRequest) -> Json:
    """The body, which the service's model has nothing against."""
    body = converse_body(request)
    assert faults_of("Converse", body) == ""
    return json.loads(body)


def blocks_of(*parts: Part, role: Role = "user", model: str = CLAUDE) -> list[Json]:
    return body_of(asked(Message(role, parts), model=model))["messages"][0]["content"]


def refused(request: ChatRequest) -> tuple[str, object]:
    with pytest.raises(Refused) as caught:
        converse_body(request)
    return caught.value.code, caught.value.facts.get("field")


def test_a_small_request() -> None:
    request = asked(
        Message("system", (Text("Be brief."), CachePoint("1h"))),
        Message("user", (Text("Hello"),)),
        output_tokens_max=9,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        user="somebody",
    )
    assert body_of(request) == {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }


def test_messages_alternate_and_the_system_stands_in_front() -> None:
    request = asked(
        Message("user", (Text("a"),)),
        Message("user", (Text("b"), Text(""), Text(" \n"))),
        Message("system", (Text("c"),)),
        Message("assistant", (ToolUse("t1", "f", '{"x":1}'), ToolUse("t2", "g", ""))),
        Message("tool", (text_result("t1", "r1"),)),
        Message("tool", (text_result("t2", "r2", is_error=True),)),
        Message("user", (Text("d"),)),
        Message("assistant", (Text(""),)),
        Message("user", (Text("e"),)),
        tools=(Tool("f"), Tool("g")),
        cache_point=CachePoint(),
    )
    body = body_of(request)
    assert body["system"] == [{"text": "c"}]
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"x": 1}}},
                {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"text": "r1"}], "status": "success"}},
                {"toolResult": {"toolUseId": "t2", "content": [{"text": "r2"}], "status": "error"}},
                {"text": "d"},
                {"text": "e"},
                {"cachePoint": {"type": "default"}},
            ],
        },
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"text": "a"},
        {"image": {"format": "webp", "source": {"bytes": "AAAA"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a"}}}},
        {"document": {"format": "csv", "name": "Sales (2)", "source": {"bytes": "AAAA"}}},
        {
            "document": {
                "name": "Blocks",
                "format": "txt",
                "source": {"content": [{"text": "a"}, {"text": "b"}]},
                "context": "from the archive",
                "citations": {"enabled": True},
            }
        },
        {"searchResult": {"source": "https://a", "title": "A", "content": [{"text": "a"}]}},
        {
            "searchResult": {
                "source": "s",
                "title": "t",
                "content": [{"text": "a"}],
                "citations": {"enabled": True},
            }
        },
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": [1, None]}}},
        {"toolResult": {"toolUseId": "t", "content": [], "status": "success"}},
        {
            "toolResult": {
                "toolUseId": "t",
                "content": [
                    {"text": "a"},
                    {"image": {"format": "gif", "source": {"bytes": "AAAA"}}},
                    {"document": {"format": "pdf", "name": "D", "source": {"bytes": "AAAA"}}},
                    {"searchResult": {"source": "s", "title": "t", "content": [{"text": "a"}]}},
                    {"json": {"a": 1}},
                    {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/a.mp4"}}}},
                ],
                "status": "error",
            }
        },
        {"cachePoint": {"type": "default", "ttl": "5m"}},
        {"guardContent": {"text": {"text": "a", "qualifiers": ["query"]}}},
        {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {}, "type": "server_tool_use"}},
    ],
    ids=lambda block: next(iter(block)),
)
def test_what_is_read_from_the_dialect_is_written_back_as_it_was(block: Json) -> None:
    assert blocks_of(part(block)) == [block]


@pytest.mark.parametrize(
    ("citation", "written"),
    [
        (
            Citation(kind="characters", cited_text="said", title="T", document=1, start=0, end=4),
            {
                "title": "T",
                "sourceContent": [{"text": "said"}],
                "location": {"documentChar": {"documentIndex": 1, "start": 0, "end": 4}},
            },
        ),
        (
            Citation(kind="pages", start=1, end=2),
            {"location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}},
        ),
        (
            Citation(kind="blocks", start=1, end=2),
            {"location": {"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}}},
        ),
        (
            Citation(kind="search_result", source="s", document=3, end=1),
            {"source": "s", "location": {"searchResultLocation": {"searchResultIndex": 3, "start": 0, "end": 1}}},
        ),
        (
            Citation(kind="web", title="T", source="https://a"),
            {"title": "T", "location": {"web": {"url": "https://a"}}},
        ),
    ],
)
def test_cited_text(citation: Citation, written: Json) -> None:
    (block,) = blocks_of(Text("a", (citation,)), role="assistant")
    assert block == {"citationsContent": {"content": [{"text": "a"}], "citations": [written]}}


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (Image("image/jpeg", b"x"), "jpeg"),
        (Image("image/jpg", b"x"), "jpeg"),
        (Image("IMAGE/PNG; a=b", b"x"), "png"),
        (Image("", PNG), "png"),
        (Image("image/bmp", PNG), "png"),
        (Image("image/jpeg", PNG), "png"),
        (Image("application/octet-stream", b"\xff\xd8\xff\xe0"), "jpeg"),
        (Image("", b"GIF89a"), "gif"),
        (Image("", b"RIFF1234WEBPVP8 "), "webp"),
        (Image("", url="s3://bucket/a.JPG"), "jpeg"),
    ],
)
def test_formats_of_images(image: Image, wanted: str) -> None:
    assert blocks_of(image)[0]["image"]["format"] == wanted


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        (Document("application/pdf", b"x"), "pdf"),
        (Document("text/csv; charset=utf-8", b"x"), "csv"),
        (Document("application/msword", b"x"), "doc"),
        (Document("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"x"), "docx"),
        (Document("application/vnd.ms-excel", b"x"), "xls"),
        (Document("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"x"), "xlsx"),
        (Document("text/html", b"x"), "html"),
        (Document("text/plain", b"x"), "txt"),
        (Document("text/plain", b"x", name="notes.md"), "md"),
        (Document("text/markdown", b"x"), "md"),
        (Document("application/json", b"{}"), "txt"),
        (Document("", b"x", name="a.PDF"), "pdf"),
        (Document("", url="s3://bucket/a.docx"), "docx"),
    ],
)
def test_formats_of_documents(document: Document, wanted: str) -> None:
    assert blocks_of(document)[0]["document"]["format"] == wanted


def test_names_of_documents_are_the_services_and_none_comes_twice() -> None:
    names = ("a_b.pdf", "a b.pdf", "", "", "../[x]  (1)\n-", "Straße", "é", "n" * 300, "n" * 300, "Document 3")
    blocks = blocks_of(*(Document("application/pdf", b"x", name=name) for name in names))
    given_ = [block["document"]["name"] for block in blocks]
    assert given_[:7] == ["a b pdf", "a b pdf (2)", "Document 3", "Document 4", "[x] (1) -", "Stra e", "Document 7"]
    assert given_[9] == "Document 3 (2)"
    assert len(set(given_)) == len(given_)
    assert all(1 <= len(name) <= 200 for name in given_)


def test_ids_of_tool_calls_are_the_services() -> None:
    long = "call_" + "x" * 80
    for given_ in ("call|1", long, ""):
        use, result = body_of(
            asked(Message("assistant", (ToolUse(given_, "f", "{}"),)), Message("tool", (text_result(given_, "r"),)))
        )["messages"]
        called = use["content"][0]["toolUse"]["toolUseId"]
        assert called == result["content"][0]["toolResult"]["toolUseId"]
        assert called.startswith("use_")


def test_a_cache_point_in_a_result_comes_behind_it() -> None:
    blocks = blocks_of(ToolResult("t", (Text("a"), CachePoint(), Text(" "))))
    assert [next(iter(block)) for block in blocks] == ["toolResult", "cachePoint"]
    assert blocks[0]["toolResult"]["content"] == [{"text": "a"}]


def test_status_of_a_result_is_for_the_models_that_know_it() -> None:
    for model, wanted in ((CLAUDE, "error"), (NOVA, "error"), (OTHER, None)):
        (block,) = blocks_of(text_result("t", "a", is_error=True), model=model)
        assert block["toolResult"].get("status") == wanted


def test_thought_goes_back_to_claude_with_its_signature_only() -> None:
    assert blocks_of(Thinking("Hm"), Text("a"), role="assistant") == [{"text": "a"}]
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm"}}}
    assert blocks_of(Thinking("Hm"), role="assistant", model=OTHER) == [thought]


# tools

TOOLS = (
    Tool("f", "does f", raw({"type": "object"}), cache_point=CachePoint("5m")),
    Tool("g", strict=True),
    Foreign("bedrock", "systemTool", raw({"systemTool": {"name": "nova_code_interpreter"}})),
)


def test_tools() -> None:
    config = body_of(asked(tools=TOOLS))["toolConfig"]
    nothing = {"json": {"type": "object", "properties": {}}}
    assert config == {
        "tools": [
            {"toolSpec": {"name": "f", "description": "does f", "inputSchema": {"json": {"type": "object"}}}},
            {"cachePoint": {"type": "default", "ttl": "5m"}},
            {"toolSpec": {"name": "g", "inputSchema": nothing, "strict": True}},
            {"systemTool": {"name": "nova_code_interpreter"}},
        ]
    }


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(), None),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("tool", "g"), {"tool": {"name": "g"}}),
    ],
)
def test_choices(choice: ToolChoice, written: Json | None) -> None:
    assert body_of(asked(tools=TOOLS, tool_choice=choice))["toolConfig"].get("toolChoice") == written


def test_one_call_at_a_time_is_claudes_own_choice() -> None:
    body = body_of(asked(tools=TOOLS, tool_choice=ToolChoice("auto", parallel=False)))
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    assert "toolChoice" not in body["toolConfig"]
    body = body_of(asked(tools=TOOLS, tool_choice=ToolChoice("tool", "g", parallel=False)))
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "g"}}
    assert "additionalModelRequestFields" not in body
    request = asked(model=OTHER, tools=TOOLS, tool_choice=ToolChoice(parallel=False))
    assert refused(request) == ("unsupported", "parallel_tool_calls")


def test_no_tool_is_said_by_leaving_the_tools_out_but_for_a_history_of_them() -> None:
    none = ToolChoice("none")
    assert "toolConfig" not in body_of(asked(tools=TOOLS, tool_choice=none))
    history = (
        Message("user", (Text("a"),)),
        Message("assistant", (ToolUse("t", "f", "{}"),)),
        Message("tool", (text_result("t", "r"),)),
    )
    assert len(body_of(asked(*history, tools=TOOLS, tool_choice=none))["toolConfig"]["tools"]) == 4
    (tool,) = body_of(asked(*history))["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "f"


def test_claudes_own_tools_travel_in_its_fields() -> None:
    own = {"type": "bash_20250124", "name": "bash"}
    tools = (Foreign("anthropic", "bash_20250124", raw(own)),)
    body = body_of(asked(tools=tools))
    assert body["additionalModelRequestFields"] == {"tools": [own]}
    assert "toolConfig" not in body
    assert refused(asked(model=NOVA, tools=tools)) == ("unsupported", "tools")
    assert refused(asked(tools=(Foreign("openai", "web_search", raw({})),)))[0] == "unsupported"


# fields of the model's own


@pytest.mark.parametrize(
    ("wish", "written"),
    [
        (ThinkingWish("budget", 2048), {"type": "enabled", "budget_tokens": 2048}),
        (ThinkingWish("adaptive", display="summarized"), {"type": "adaptive", "display": "summarized"}),
        (ThinkingWish("off"), {"type": "disabled"}),
    ],
)
def test_thinking(wish: ThinkingWish, written: Json) -> None:
    assert body_of(asked(thinking=wish))["additionalModelRequestFields"] == {"thinking": written}
    if wish.mode == "off":
        assert "additionalModelRequestFields" not in body_of(asked(model=NOVA, thinking=wish))
    else:
        assert refused(asked(model=NOVA, thinking=wish)) == ("unsupported", "thinking")


def test_top_k_and_effort() -> None:
    assert body_of(asked(top_k=0))["additionalModelRequestFields"] == {"top_k": 0}
    nova = body_of(asked(model=NOVA, top_k=5))["additionalModelRequestFields"]
    assert nova == {"inferenceConfig": {"topK": 5}}
    newer = "eu.anthropic.claude-sonnet-4-6"
    assert body_of(asked(model=newer, effort="max"))["outputConfig"] == {"effort": "max"}
    assert body_of(asked(model=newer, effort="minimal"))["outputConfig"] == {"effort": "low"}
    assert "outputConfig" not in body_of(asked(model=newer, effort="none"))
    older = body_of(asked(effort="max"))
    assert older["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 16_384}}
    assert "outputConfig" not in older


@pytest.mark.parametrize("model", [NOVA, "openai.gpt-oss-120b-1:0", "eu.anthropic.claude-sonnet-4-6"])
def test_an_effort_that_is_none_is_refused_whoever_made_the_model(model: str) -> None:
    assert refused(asked(model=model, effort="extreme")) == ("invalid_request", "effort")
    assert "outputConfig" not in body_of(asked(model=model, effort="none"))
    assert body_of(asked(model=model, effort="low"))["outputConfig"] == {"effort": "low"}


def test_options_of_the_callers_dialect() -> None:
    beta = ForeignOption("anthropic", "anthropic_beta", raw(["context-1m-2025-08-07"]))
    bedrock = (
        ForeignOption("bedrock", "serviceTier", raw({"type": "flex"})),
        ForeignOption("bedrock", "additionalModelRequestFields", raw({"reasoning_effort": "high"})),
        ForeignOption("bedrock", "requestMetadata", raw({"a": "b"})),
    )
    body = body_of(asked(options=(beta, *bedrock), top_k=3))
    assert body["additionalModelRequestFields"] == {
        "top_k": 3,
        "anthropic_beta": ["context-1m-2025-08-07"],
        "reasoning_effort": "high",
    }
    platforms = ForeignOption("anthropic", "anthropic_beta", raw(["claude-code-20250219", "prompt-caching-2024-07-31"]))
    assert "additionalModelRequestFields" not in body_of(asked(options=(platforms,)))
    assert refused(asked(options=(ForeignOption("anthropic", "anthropic_beta", raw("x")),)))[0] == "invalid_request"
    assert (body["serviceTier"], body["requestMetadata"]) == ({"type": "flex"}, {"a": "b"})
    for option in (
        ForeignOption("openai", "logit_bias", raw({})),
        ForeignOption("cohere", "x", raw({})),
        ForeignOption("bedrock", "messages", raw([])),
    ):
        assert refused(asked(options=(option,))) == ("unsupported", option.name)
    assert refused(asked(model=NOVA, options=(beta,))) == ("unsupported", "anthropic_beta")
    wrong = ForeignOption("bedrock", "additionalModelRequestFields", raw([]))
    assert refused(asked(options=(wrong,)))[0] == "invalid_request"


def test_formats_of_answers() -> None:
    schema = {"type": "object", "properties": {"ä": {}}}
    wanted = OutputFormat("json_schema", raw(schema), "city", description="A city")
    text_format = body_of(asked(output_format=wanted, effort="low"))["outputConfig"]["textFormat"]
    written = text_format["structure"]["jsonSchema"]
    assert (text_format["type"], json.loads(written.pop("schema"))) == ("json_schema", schema)
    assert written == {"name": "city", "description": "A city"}
    system = body_of(asked(output_format=OutputFormat("json_object")))["system"]
    assert "JSON object" in system[0]["text"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Message("user", (Image("image/png", url="https://a/b.png"),)), "unsupported"),
        (Message("user", (Image("image/tiff", b"x"),)), "unsupported"),
        (Message("user", (Document("application/pdf", url="https://a/b.pdf"),)), "unsupported"),
        (Message("user", (Document("application/zip", b"x"),)), "unsupported"),
        (Message("user", (Foreign("anthropic", "web_search_tool_result", raw({})),)), "unsupported"),
        (Message("user", (ToolResult("t", (Foreign("openai", "x", raw({})),)),)), "unsupported"),
        (Message("system", (Image("image/png", b"x"),)), "unsupported"),
        (Message("assistant", (ToolUse("t", "f", "[1]"),)), "invalid_request"),
        (Message("assistant", (ToolUse("t", "f", '{"a":'),)), "invalid_request"),
        (Message("assistant", (ToolUse("t", "f", "{} {}"),)), "invalid_request"),
        (Message("assistant", (ToolUse("t", "f", '{"a":' * 9_000 + "1" + "}" * 9_000),)), "invalid_request"),
    ],
)
def test_what_the_service_does_not_take(message: Message, code: str) -> None:
    assert refused(asked(message)) == (code, "messages")


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty"])
def test_penalties(name: str) -> None:
    wished = asked(presence_penalty=0.0, frequency_penalty=0.0)
    assert body_of(wished) == body_of(asked())
    assert refused(msgspec.structs.replace(wished, **{name: 0.5})) == ("unsupported", name)


def test_counting_asks_for_the_same_conversation() -> None:
    request = asked(
        Message("system", (Text("s"),)),
        Message("user", (Text("a"),)),
        output_tokens_max=5,
        temperature=1.0,
        tools=TOOLS,
        thinking=ThinkingWish("adaptive"),
    )
    counted = count_body(request)
    assert faults_of("CountTokens", counted) == ""
    body = body_of(request)
    assert json.loads(counted)["input"]["converse"] == {
        name: body[name] for name in ("messages", "system", "toolConfig", "additionalModelRequestFields")
    }


def test_bytes_travel_as_base64() -> None:
    data = bytes(range(256))
    (block,) = blocks_of(Image("image/png", data))
    assert base64.b64decode(block["image"]["source"]["bytes"], validate=True) == data
