"""Bedrock Runtime's simulator, called by `boto3`."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import pytest
from botocore.exceptions import ClientError

from packhouse.simulators import Citation, Credentials, Rule, Simulator, ToolCall, Usage, simulator
from tests.simulators.clients import Bedrock, said

pytestmark = pytest.mark.anyio

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "description": "The weather in a city.",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                        "required": ["city", "days"],
                    }
                },
            }
        }
    ]
}


@pytest.fixture
async def sim() -> AsyncGenerator[Simulator]:
    async with simulator("bedrock") as running:
        yield running


@pytest.fixture
def bedrock(sim: Simulator) -> Bedrock:
    return Bedrock(sim)


def only_text(answer: dict[str, Any]) -> str:
    (block,) = answer["output"]["message"]["content"]
    return block["text"]


async def test_the_last_turn_comes_back(bedrock: Bedrock, sim: Simulator) -> None:
    answer = await bedrock("converse", modelId=CLAUDE, messages=said("Hello there"))
    assert only_text(answer) == "Hello there"
    assert answer["stopReason"] == "end_turn"
    # 8 for the call, 4 for the message, 11 bytes of text
    assert answer["usage"] == {"inputTokens": 15, "outputTokens": 3, "totalTokens": 18}
    assert sim.seen.usage == Usage(input=15, output=3)
    assert sim.seen.last.path == f"/model/{CLAUDE}/converse"


async def test_a_stream_says_the_same_as_the_whole(bedrock: Bedrock) -> None:
    whole = await bedrock("converse", modelId=CLAUDE, messages=said("One two three"))
    events = await bedrock.stream(modelId=CLAUDE, messages=said("One two three"))
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        *["contentBlockDelta"] * 3,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    pieces = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert "".join(pieces) == only_text(whole)
    assert events[-1]["metadata"]["usage"] == whole["usage"]


async def test_a_forced_tool_is_called_with_what_its_schema_wants(bedrock: Bedrock) -> None:
    config = {**TOOLS, "toolChoice": {"tool": {"name": "weather"}}}
    answer = await bedrock("converse", modelId=CLAUDE, messages=said("Bonn"), toolConfig=config)
    (block,) = answer["output"]["message"]["content"]
    assert answer["stopReason"] == "tool_use"
    assert block["toolUse"]["input"] == {"city": "Bonn", "days": 1}
    events = await bedrock.stream(modelId=CLAUDE, messages=said("Bonn"), toolConfig=config)
    deltas = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in events if "contentBlockDelta" in event
    ]
    assert deltas[0] == ""
    assert msgspec.json.decode("".join(deltas)) == {"city": "Bonn", "days": 1}


async def test_a_tool_without_arguments_streams_nothing_but_an_empty_piece() -> None:
    rule = Rule(tool_calls=(ToolCall("now"),))
    async with simulator("bedrock", [rule]) as sim:
        events = await Bedrock(sim).stream(modelId=CLAUDE, messages=said("?"))
    (delta,) = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert delta == {"toolUse": {"input": ""}}


async def test_thinking_citations_and_parallel_tools() -> None:
    rule = Rule(
        thinking="Let me see.",
        signature="c2ln",
        text="Five years.",
        citations=(Citation(text="five years", title="handbook", start=3, end=13),),
        tool_calls=(ToolCall("weather", {"city": "Bonn"}, "tooluse_a"), ToolCall("weather", {"city": "Ulm"})),
        usage=Usage(input=100, output=50, cache_read=7, cache_write=3),
    )
    async with simulator("bedrock", [rule]) as sim:
        bedrock = Bedrock(sim)
        answer = await bedrock("converse", modelId=CLAUDE, messages=said("?"))
        events = await bedrock.stream(modelId=CLAUDE, messages=said("?"))
    thinking, cited, first, second = answer["output"]["message"]["content"]
    assert thinking == {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}}
    assert cited["citationsContent"]["content"] == [{"text": "Five years."}]
    assert cited["citationsContent"]["citations"][0]["location"]["documentChar"]["end"] == 13
    assert (first["toolUse"]["toolUseId"], second["toolUse"]["input"]) == ("tooluse_a", {"city": "Ulm"})
    usage = answer["usage"]
    assert (usage["cacheReadInputTokens"], usage["cacheWriteInputTokens"], usage["totalTokens"]) == (7, 3, 160)
    assert [event["contentBlockStart"]["contentBlockIndex"] for event in events if "contentBlockStart" in event] == [
        2,
        3,
    ]
    assert {"signature": "c2ln"} in [
        event["contentBlockDelta"]["delta"].get("reasoningContent") for event in events if "contentBlockDelta" in event
    ]


async def test_which_sequence_ended_it_is_told_where_it_is_asked_for(bedrock: Bedrock) -> None:
    asked: Any = {
        "modelId": CLAUDE,
        "messages": said("one, two, three"),
        "inferenceConfig": {"stopSequences": ["three", ","]},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }
    answer = await bedrock("converse", **asked)
    assert answer["additionalModelResponseFields"] == {"stop_sequence": ","}
    whole = await bedrock("converse", **{**asked, "messages": said("one")})
    assert whole["additionalModelResponseFields"] == {"stop_sequence": None}
    assert "additionalModelResponseFields" not in await bedrock("converse", modelId=CLAUDE, messages=said("one"))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"system": [{"text": "s"}, *[{"cachePoint": {"type": "default"}}] * 5]}, "A maximum of 4 blocks"),
        ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 100}}}, "1024"),
        (
            {
                "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
                "inferenceConfig": {"maxTokens": 2_000},
            },
            "must be greater than `thinking.budget_tokens`",
        ),
    ],
)
async def test_what_claude_itself_refuses(bedrock: Bedrock, more: Any, why: str) -> None:
    with pytest.raises(ClientError) as refused:
        await bedrock("converse", modelId=CLAUDE, messages=said("Hello"), **more)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert why in refused.value.response["Error"]["Message"]


async def test_limits_and_stop_sequences(bedrock: Bedrock) -> None:
    cut = await bedrock("converse", modelId=CLAUDE, messages=said("x" * 100), inferenceConfig={"maxTokens": 5})
    assert (only_text(cut), cut["stopReason"], cut["usage"]["outputTokens"]) == ("x" * 20, "max_tokens", 5)
    stopped = await bedrock(
        "converse", modelId=CLAUDE, messages=said("one, two, three"), inferenceConfig={"stopSequences": ["three", ","]}
    )
    assert (only_text(stopped), stopped["stopReason"]) == ("one", "stop_sequence")


async def test_an_output_schema_is_kept(bedrock: Bedrock) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    form = {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": "n", "schema": msgspec.json.encode(schema).decode()}},
    }
    answer = await bedrock("converse", modelId=CLAUDE, messages=said("?"), outputConfig={"textFormat": form})
    assert msgspec.json.decode(only_text(answer)) == {"n": 3}


async def test_what_was_cached_is_read_the_second_time(bedrock: Bedrock) -> None:
    system = [{"text": "word " * 400}, {"cachePoint": {"type": "default"}}]
    first = await bedrock("converse", modelId=CLAUDE, messages=said("a"), system=system)
    second = await bedrock("converse", modelId=CLAUDE, messages=said("b"), system=system)
    # 8 for the call, 2,000 bytes
    assert first["usage"]["cacheWriteInputTokens"] == second["usage"]["cacheReadInputTokens"] == 508
    assert first["usage"]["cacheReadInputTokens"] == second["usage"]["cacheWriteInputTokens"] == 0
    assert second["usage"]["inputTokens"] == 5


async def test_count_tokens_counts_what_a_call_reports(bedrock: Bedrock) -> None:
    base = CLAUDE.removeprefix("eu.")
    asked = {"messages": said("Hello there"), "system": [{"text": "Be brief."}], "toolConfig": TOOLS}
    counted = await bedrock("count_tokens", modelId=base, input={"converse": asked})
    answer = await bedrock("converse", modelId=CLAUDE, **asked)
    assert counted["inputTokens"] == answer["usage"]["inputTokens"]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    counted = await bedrock("count_tokens", modelId=base, input={"invokeModel": {"body": msgspec.json.encode(body)}})
    assert counted["inputTokens"] == 13
    with pytest.raises(ClientError, match="doesn't support counting tokens"):
        await bedrock("count_tokens", modelId=CLAUDE, input={"converse": asked})


@pytest.mark.parametrize(
    ("model", "dimensions", "by_type"),
    [("cohere.embed-english-v3", 1024, False), ("eu.cohere.embed-v4:0", 1536, True)],
)
async def test_embeddings_count_their_tokens_in_a_header(
    bedrock: Bedrock, *, model: str, dimensions: int, by_type: bool
) -> None:
    body = {"texts": ["Hello, World", "Bye"], "input_type": "search_query", "truncate": "NONE"}
    answer = await bedrock("invoke_model", modelId=model, body=msgspec.json.encode(body))
    said_ = msgspec.json.decode(answer["body"].read())
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "4"
    assert isinstance(said_["embeddings"], dict) == by_type
    vectors = said_["embeddings"]["float"] if by_type else said_["embeddings"]
    assert [len(it) for it in vectors] == [dimensions] * 2
    assert all(sum(cell * cell for cell in it) == pytest.approx(1.0) for it in vectors)
    assert said_["texts"][0] == ("Hello, World" if by_type else "hello, world")
    assert said_["response_type"] == ("embeddings_by_type" if by_type else "embeddings_floats")
    assert not {"usage", "meta"} & said_.keys()


async def test_claude_is_invoked_in_its_own_shape(bedrock: Bedrock) -> None:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "Hello there"}],
    }
    answer = await bedrock("invoke_model", modelId=CLAUDE, body=msgspec.json.encode(body))
    message = msgspec.json.decode(answer["body"].read())
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert message["content"] == [{"type": "text", "text": "Hello there"}]
    assert (headers["x-amzn-bedrock-input-token-count"], headers["x-amzn-bedrock-output-token-count"]) == ("15", "3")
    chunks = await bedrock.invoke_stream(modelId=CLAUDE, body=msgspec.json.encode(body))
    events = [msgspec.json.decode(chunk["chunk"]["bytes"]) for chunk in chunks]
    assert [event["type"] for event in events][-2:] == ["message_delta", "message_stop"]
    assert events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 15


@pytest.mark.parametrize(
    ("model", "region", "message"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-central-1", "on-demand throughput isn’t supported"),
        ("us.does-not-exist-model-v1:0", "us-east-1", "The provided model identifier is invalid."),
        ("eu.anthropic.claude-sonnet-4-6", "ca-central-1", "The provided model identifier is invalid."),
    ],
)
async def test_models_are_where_they_are(sim: Simulator, *, model: str, region: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        await Bedrock(sim, region=region)("converse", modelId=model, messages=said("Hi"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"messages": [{"role": "assistant", "content": [{"text": "Hi"}]}], "modelId": "eu.amazon.nova-micro-v1:0"},
            "must start with a user message",
        ),
        ({"messages": said("a") + said("b")}, "must alternate between user and assistant"),
        ({"messages": said(" ")}, "is blank"),
        ({"messages": [{"role": "tool", "content": [{"text": "a"}]}]}, "one of .user, assistant, system."),
        (
            {"messages": [{"role": "user", "content": [{"image": {"format": "bmp", "source": {"bytes": b"x"}}}]}]},
            "image.format",
        ),
        ({"messages": said("a"), "inferenceConfig": {"temperature": 1.5}}, "inferenceConfig.temperature"),
        (
            {"messages": said("a"), "toolConfig": {**TOOLS, "toolChoice": {"tool": {"name": "other"}}}},
            "not defined in toolConfig.tools",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"document": {"format": "txt", "name": "a  b", "source": {"bytes": b"x"}}}],
                    }
                ]
            },
            "more than one consecutive whitespace",
        ),
        (
            {
                "messages": [
                    *said("a"),
                    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "weather", "input": {}}}]},
                ],
            },
            "toolConfig field must be defined",
        ),
        (
            {
                "messages": [
                    *said("a"),
                    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "weather", "input": {}}}]},
                    *said("b"),
                ],
                "toolConfig": TOOLS,
            },
            "Expected toolResult blocks at messages.2.content for the following Ids: t",
        ),
    ],
)
async def test_what_converse_refuses(bedrock: Bedrock, *, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        await bedrock("converse", **{"modelId": CLAUDE, **asked})


async def test_results_of_tools_images_and_documents(bedrock: Bedrock) -> None:
    messages = [
        *said("The weather?"),
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "weather", "input": {"city": "x"}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t", "content": [{"json": {"degrees": 22}}, {"text": "sunny"}]}},
                {"image": {"format": "png", "source": {"bytes": b"not looked at"}}},
                {"document": {"format": "txt", "name": "notes", "source": {"bytes": b"12345678"}}},
            ],
        },
    ]
    answer = await bedrock("converse", modelId=CLAUDE, messages=messages, toolConfig=TOOLS)
    assert only_text(answer) == '{"degrees":22}\nsunny'
    without = await bedrock("converse", modelId=CLAUDE, messages=messages[:1], toolConfig=TOOLS)
    # Two messages (4 each), the call (4, a name of 7 bytes, 12 of JSON), its result (4, 14 and 5 bytes), an image,
    # a document of 8 bytes
    assert answer["usage"]["inputTokens"] - without["usage"]["inputTokens"] == 8 + 9 + 10 + 1_000 + 2


class TestCredentials:
    async def test_a_wrong_secret_is_refused(self, sim: Simulator) -> None:
        with pytest.raises(ClientError, match="signature we calculated does not match") as caught:
            await Bedrock(sim, secret_key="wrong")("converse", modelId=CLAUDE, messages=said("Hi"))
        assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    async def test_an_unknown_key_is_refused(self, sim: Simulator) -> None:
        client = Bedrock(sim, access_key="AKIAOTHER00000000000")
        with pytest.raises(ClientError, match="security token included in the request is invalid") as caught:
            await client("converse", modelId=CLAUDE, messages=said("Hi"))
        assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"

    async def test_a_session_token_is_asked_for(self) -> None:
        async with simulator("bedrock", credentials=Credentials(session_token="tok/en=")) as sim:
            answer = await Bedrock(sim)("converse", modelId=CLAUDE, messages=said("Hi"))
            assert only_text(answer) == "Hi"
            with pytest.raises(ClientError, match="security token included in the request is invalid"):
                await Bedrock(sim, token="other")("converse", modelId=CLAUDE, messages=said("Hi"))


async def test_frames_are_padded_and_have_no_start_for_text(sim: Simulator) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {sim.credentials.key}"}) as http:
        for model in (CLAUDE, CLAUDE.replace(":", "%3A")):
            reply = await http.post(f"{sim.url}/model/{model}/converse-stream", json={"messages": said("Hi you")})
            assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
            assert reply.content.count(b'"p":"ab') == 6
            assert b"contentBlockStart" not in reply.content
        refused = await http.post(f"{sim.url}/model/{CLAUDE}/converse", headers={"authorization": "Bearer no"})
    assert refused.status_code == 403
    assert refused.json() == {"message": "Authentication failed: Please make sure your API Key is valid."}
    assert refused.headers["x-amzn-errortype"].startswith("AccessDeniedException:")
