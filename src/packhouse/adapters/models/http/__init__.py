"""The client that providers are reached with: HTTP/1.1 on httptools, pooled, plain or TLS."""

from packhouse.adapters.models.http.client import Answer, Endpoint, Incoming, UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.adapters.models.http.sse import SseDecoder, SseEvent

__all__ = ["Answer", "Endpoint", "Incoming", "SseDecoder", "SseEvent", "Timeouts", "UpstreamClient"]
