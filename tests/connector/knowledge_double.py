"""The knowledge base of the connector's test gateway, as its interface describes it."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.connector.wire import Refusal, Reply, Seen
from tests.connector.words import DIMENSIONS, passes, similarity, vector, words

CREATED_AT = "2026-11-24T10:00:00Z"
LOOKS_UNTIL_DONE = 3


class KnowledgeDouble:
    """One knowledge base in memory. A document is taken in while its client looks, a step a look."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._collections: dict[str, dict[str, Any]] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self.create("default")

    def answer(self, seen: Seen) -> Reply:
        match seen.method, seen.path[2:]:
            case "GET", ():
                return Reply(body={"resources": [self._state()]})
            case "GET", ("collections",):
                return Reply(body={"collections": [_shown(one) for one in self._collections.values()]})
            case "POST", ("collections",):
                return Reply(201, _shown(self.create(seen.json["name"])))
            case "POST", ("search",):
                return Reply(body=self._search(seen.json))
            case method, ("documents", document):
                return self._document(method, document)
            case method, ("collections", name, *rest):
                return self._in_collection(method, self.find(name), rest, seen)
            case _:
                raise Refusal(404, "route_unknown", "There is no such route.")

    def create(self, name: str) -> dict[str, Any]:
        if "/" in name:
            raise Refusal(400, "invalid_request", "A collection's name has no slash.")
        if any(one["name"] == name for one in self._collections.values()):
            raise Refusal(409, "conflict", "There is a collection of that name.")
        key = f"col_{next(self._ids)}"
        made: dict[str, Any] = {"id": key, "name": name, "created_at": CREATED_AT, "chunks": {}}
        self._collections[key] = made
        return made

    def find(self, name: str) -> dict[str, Any]:
        for one in self._collections.values():
            if name in (one["id"], one["name"]):
                return one
        raise Refusal(404, "not_found", "There is no such collection.")

    def nearest(
        self, text: str, collections: Iterable[str] | None, choice: Mapping[str, Any] | None
    ) -> list[dict[str, Any]]:
        """All chunks that pass the filter, the nearest first."""
        asked = vector(text)
        places = self._collections.values() if collections is None else [self.find(name) for name in collections]
        found = [
            {**chunk, "collection_id": place["id"], "similarity": similarity(asked, vector(chunk["text"]))}
            for place in places
            for chunk in place["chunks"].values()
            if passes(chunk, choice or {})
        ]
        return sorted(found, key=lambda one: -one["similarity"])

    def _state(self) -> dict[str, Any]:
        return {
            "id": "res_kb",
            "name": "Handbook",
            "embeddings_model": "local-embeddings",
            "dimensions": DIMENSIONS,
            "disk_used_bytes": 4096,
            "disk_limit_bytes": 10 * 1024**3,
            "chunks": sum(len(one["chunks"]) for one in self._collections.values()),
        }

    def _in_collection(self, method: str, place: dict[str, Any], rest: list[str], seen: Seen) -> Reply:
        match method, rest:
            case "GET", []:
                return Reply(body=_shown(place))
            case "DELETE", []:
                del self._collections[place["id"]]
                return Reply(204, b"")
            case "POST", ["chunks"]:
                return Reply(body=self._insert(place, seen.json))
            case "POST", ["chunks", "query"]:
                return Reply(body=_listed(place, seen.json))
            case "POST", ["chunks", "delete"]:
                return Reply(body={"deleted": _delete(place, seen.json)})
            case "POST", ["documents"]:
                return self._upload(place, seen)
            case "GET", ["documents"]:
                start, size = int(seen.query["offset"]), int(seen.query["limit"])
                documents = [one["document"] for one in self._documents.values() if one["place"] is place]
                return Reply(body={"documents": documents[start : start + size]})
            case _:
                raise Refusal(404, "route_unknown", "There is no such route.")

    def _insert(self, place: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        chunks = [self._chunk(one) for one in body["chunks"]]
        match body.get("mode", "insert"):
            case "repopulate":
                place["chunks"].clear()
            case "replace_objects":
                if not all(one["object"] for one in chunks):
                    raise Refusal(400, "invalid_request", "Every chunk needs its object.", field="chunks")
                for one in chunks:
                    _delete(place, {"object": one["object"]})
            case _:
                pass
        place["chunks"].update({one["id"]: one for one in chunks})
        spent = sum(len(words(one["text"])) for one in chunks)
        return {"chunks": len(chunks), "ids": [one["id"] for one in chunks], "usage": {"input_tokens": spent}}

    def _chunk(self, given: dict[str, Any], document_id: str | None = None) -> dict[str, Any]:
        about = given.get("object")
        return {
            "id": given.get("id") or f"chunk-{next(self._ids)}",
            "text": given["text"],
            "object": None if about is None else {"id": about["id"], "type": about.get("type", "")},
            "document_id": document_id,
            "page": None,
            "metadata": _metadata(given.get("metadata", {})),
        }

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        floor = body.get("minimum_similarity", 0)
        found = self.nearest(body["text"], body.get("collections"), body.get("filter"))
        keyword = body.get("mode") == "keyword"
        results = [
            {
                **one,
                "similarity": None if keyword else one["similarity"],
                "score": one["similarity"],
                "source_url": next(iter(one["metadata"].get("sourceUrl", [])), None),
                "title": None,
            }
            for one in found
            if one["similarity"] >= floor
        ]
        spent = 0 if keyword else len(words(body["text"]))
        return {"results": results[: body.get("max_results", 5)], "usage": {"input_tokens": spent}}

    def _upload(self, place: dict[str, Any], seen: Seen) -> Reply:
        digest = hashlib.sha256(seen.body).hexdigest()
        for one in self._documents.values():
            if one["place"] is place and one["digest"] == digest:
                return Reply(200, {"document": one["document"], "job": one["job"], "duplicate": True})
        document: dict[str, Any] = {
            "id": f"doc_{next(self._ids)}",
            "collection_id": place["id"],
            "name": unquote(seen.headers["x-packhouse-file-name"]),
            "state": "waiting",
            "size_bytes": len(seen.body),
            "chunks": 0,
            "failure": None,
            "failure_message": None,
            "created_at": CREATED_AT,
            "metadata": _metadata(json.loads(unquote(seen.headers.get("x-packhouse-metadata", "{}")))),
        }
        job = {"id": f"job_{next(self._ids)}", "state": "waiting", "done": 0, "total": 0}
        kept = {"document": document, "job": job, "place": place, "digest": digest, "bytes": seen.body, "looks": 0}
        self._documents[document["id"]] = kept
        return Reply(202, {"document": document, "job": job})

    def _document(self, method: str, document_id: str) -> Reply:
        kept = self._documents.get(document_id)
        if kept is None:
            raise Refusal(404, "not_found", "There is no such document.")
        if method == "DELETE":
            del self._documents[document_id]
            _delete(kept["place"], {"document_id": document_id})
            return Reply(204, b"")
        self._work(kept)
        return Reply(body={"document": kept["document"], "job": kept["job"]})

    def _work(self, kept: dict[str, Any]) -> None:
        document, job = kept["document"], kept["job"]
        if document["state"] in ("done", "failed"):
            return
        kept["looks"] += 1
        passages = [part.strip() for part in kept["bytes"].decode().split("\n\n") if part.strip()]
        if not passages:
            document |= {"state": "failed", "failure": "document_empty", "failure_message": "It contains no text."}
        elif kept["looks"] < LOOKS_UNTIL_DONE:
            document["state"] = job["state"] = "running"
            job |= {"done": min(kept["looks"], len(passages)), "total": len(passages)}
        else:
            metadata = document["metadata"]
            chunks = [self._chunk({"text": text, "metadata": metadata}, document["id"]) for text in passages]
            kept["place"]["chunks"].update({one["id"]: one for one in chunks})
            document |= {"state": "done", "chunks": len(passages)}
            job |= {"state": "done", "done": len(passages), "total": len(passages)}

    def name_of(self, document_id: str | None) -> str | None:
        """The file name of a document."""
        return self._documents[document_id]["document"]["name"] if document_id else None


def _metadata(given: dict[str, Any]) -> dict[str, list[str]]:
    return {key: [value] if isinstance(value, str) else value for key, value in given.items()}


def _shown(place: dict[str, Any]) -> dict[str, Any]:
    return {**place, "chunks": len(place["chunks"])}


def _listed(place: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    passing = [one for one in place["chunks"].values() if passes(one, body.get("filter", {}))]
    start = body.get("offset", 0)
    return {"chunks": passing[start : start + body.get("limit", 100)], "total": len(passing)}


def _delete(place: dict[str, Any], body: dict[str, Any]) -> int:
    match body:
        case {"ids": ids}:
            choice: dict[str, Any] = {"$id": ids}
        case {"object": about}:
            choice = _about(about)
        case {"objects": several}:
            choice = {"$or": [_about(one) for one in several]}
        case {"document_id": document_id}:
            choice = {"$document_id": document_id}
        case {"filter": choice} if choice:
            pass
        case _:
            raise Refusal(400, "invalid_request", "Say what to delete.")
    gone = [key for key, one in place["chunks"].items() if passes(one, choice)]
    for key in gone:
        del place["chunks"][key]
    return len(gone)


def _about(one: dict[str, Any]) -> dict[str, Any]:
    return {"$object_id": one["id"], "$object_type": one.get("type", "")}
