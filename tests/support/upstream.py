"""A server in the OpenAI dialect that does what the prompt says: for tests of what a provider may do."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


class Upstream(BaseHTTPRequestHandler):
    """`STATUS <code>` in the last message answers with that code and quotes the prompt, `GARBAGE` with what is no
    JSON, `CUT` breaks off, `SILENT` reports no usage, `LOOK UP <words>` calls the first tool with them; anything
    else is echoed."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append(body)  # type: ignore[attr-defined]
        prompt = _text(body["messages"][-1])
        if "STATUS " in prompt:
            code = int(prompt.partition("STATUS ")[2][:3])
            self._send(code, json.dumps({"error": {"message": f"not this: {prompt}", "type": "x"}}).encode())
        elif "GARBAGE" in prompt:
            self._send(200, b"<html>" + prompt.encode())
        elif "LOOK UP " in prompt and body.get("tools"):
            self._send(200, json.dumps(_look_up(body, prompt.partition("LOOK UP ")[2])).encode())
        elif body.get("stream"):
            self._stream(body, prompt)
        elif "CUT" in prompt:
            self._cut(prompt.encode())
        else:
            self._send(200, json.dumps(_answer(body, prompt)).encode())

    def _send(self, code: int, data: bytes) -> None:
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _cut(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(data) + 100))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _stream(self, body: dict[str, Any], prompt: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        words = f"echo {prompt}".split(" ")
        for word in words:
            self._event(_chunk(body, {"content": word + " "}))
        if "CUT" in prompt:
            return
        self._event(_chunk(body, {}, "stop"))
        if "SILENT" not in prompt:
            self._event({**_chunk(body, {}), "choices": [], "usage": USAGE})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _answer(body: dict[str, Any], prompt: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": f"echo {prompt}", "refusal": None}
    answer: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
    }
    return answer if "SILENT" in prompt else {**answer, "usage": USAGE}


def _look_up(body: dict[str, Any], query: str) -> dict[str, Any]:
    answer = _answer(body, "")
    function = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps({"query": query})}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    answer["choices"] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}]
    return answer


def _chunk(body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }


@contextmanager
def upstream() -> Generator[tuple[str, list[dict[str, Any]]]]:
    """Its base URL, and the bodies that it has seen."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", server.seen  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
