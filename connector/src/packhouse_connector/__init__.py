"""Use Packhouse from Python: chat, embeddings and knowledge bases, with one connection string.

from packhouse_connector import Packhouse

ph = Packhouse("phk_…@https://genai.example.com")
print(ph.chat("What is a bundle month?"))
"""

from packhouse_connector.asynchronous.chat import AsyncChatStream, AsyncConversation
from packhouse_connector.asynchronous.client import AsyncPackhouse
from packhouse_connector.asynchronous.document import AsyncDocumentHandle
from packhouse_connector.asynchronous.knowledge import AsyncCollectionHandle, AsyncKnowledgeBase
from packhouse_connector.core.chat import Answer, ChatOptions, Knowledge, Message, Reference
from packhouse_connector.core.document import Document, Progress
from packhouse_connector.core.embedding import Embedding, Embeddings
from packhouse_connector.core.key_report import KeyReport, Model
from packhouse_connector.core.knowledge import (
    Chunk,
    Collection,
    Found,
    Inserted,
    KnowledgeBaseState,
    ObjectRef,
    SearchResults,
    StoredChunk,
)
from packhouse_connector.core.retry import Retries
from packhouse_connector.core.usage import Usage
from packhouse_connector.core.version import VERSION
from packhouse_connector.errors import (
    AnswerCut,
    AnswerNotUnderstood,
    Conflict,
    ConnectionFailed,
    ConnectorOutdated,
    ContextExceeded,
    DiskFull,
    DocumentFailed,
    FilterInvalid,
    Forbidden,
    InternalProblem,
    InvalidConnectionString,
    InvalidRequest,
    KeyExpired,
    KeyMalformed,
    KeyProblem,
    KeyRevoked,
    KeyUnknown,
    KeyWrongType,
    ModelUnavailable,
    NotFound,
    NotReached,
    PackhouseError,
    Problem,
    ProviderCut,
    ProviderProblem,
    ProviderThrottled,
    ProviderTimeout,
    QuotaExhausted,
    ResourceUnavailable,
    ServiceUnavailable,
    TimedOut,
    TooLarge,
    Unsupported,
    WaitOver,
)
from packhouse_connector.sync.chat import ChatStream, Conversation
from packhouse_connector.sync.client import Packhouse
from packhouse_connector.sync.document import DocumentHandle
from packhouse_connector.sync.knowledge import CollectionHandle, KnowledgeBase

__version__ = VERSION

__all__ = [
    "Answer",
    "AnswerCut",
    "AnswerNotUnderstood",
    "AsyncChatStream",
    "AsyncCollectionHandle",
    "AsyncConversation",
    "AsyncDocumentHandle",
    "AsyncKnowledgeBase",
    "AsyncPackhouse",
    "ChatOptions",
    "ChatStream",
    "Chunk",
    "Collection",
    "CollectionHandle",
    "Conflict",
    "ConnectionFailed",
    "ConnectorOutdated",
    "ContextExceeded",
    "Conversation",
    "DiskFull",
    "Document",
    "DocumentFailed",
    "DocumentHandle",
    "Embedding",
    "Embeddings",
    "FilterInvalid",
    "Forbidden",
    "Found",
    "Inserted",
    "InternalProblem",
    "InvalidConnectionString",
    "InvalidRequest",
    "KeyExpired",
    "KeyMalformed",
    "KeyProblem",
    "KeyReport",
    "KeyRevoked",
    "KeyUnknown",
    "KeyWrongType",
    "Knowledge",
    "KnowledgeBase",
    "KnowledgeBaseState",
    "Message",
    "Model",
    "ModelUnavailable",
    "NotFound",
    "NotReached",
    "ObjectRef",
    "Packhouse",
    "PackhouseError",
    "Problem",
    "Progress",
    "ProviderCut",
    "ProviderProblem",
    "ProviderThrottled",
    "ProviderTimeout",
    "QuotaExhausted",
    "Reference",
    "ResourceUnavailable",
    "Retries",
    "SearchResults",
    "ServiceUnavailable",
    "StoredChunk",
    "TimedOut",
    "TooLarge",
    "Unsupported",
    "Usage",
    "WaitOver",
]
