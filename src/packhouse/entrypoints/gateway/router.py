"""Which route answers a request: exact paths by one look-up, patterns by their segments."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Handler, Reply, Request


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is a path whose segments are literal or a name in braces that takes any one segment.

    `name` (unique) and `summary` (one sentence) are for the reference and for tests that walk all routes.
    """

    method: str
    pattern: str
    handler: Handler
    name: str
    summary: str


class Router:
    """A handler that hands each request to its route, with `params` filled in.

    Literal segments win over named ones. HEAD is answered by the GET route. Raises `Refused`:
    `route_unknown`, or `method_not_allowed` with the fact `allow` (the value of the Allow header).
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[int, list[tuple[tuple[str, ...], dict[str, Route]]]] = {}
        names = [route.name for route in routes]
        assert len(names) == len(set(names)), "two routes have the same name"
        for route in routes:
            self._add(route)
        for patterns in self._patterns.values():
            patterns.sort(key=lambda entry: [segment.startswith("{") for segment in entry[0]])

    def __call__(self, request: Request) -> Awaitable[Reply]:
        methods = self._exact.get(request.path)
        if methods is not None and (route := methods.get(request.method)) is not None:
            return route.handler(request)
        route, request.params = self.find(request.method, request.path)
        return route.handler(request)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its path parameters; raises as the class says."""
        allowed: set[str] = set()
        if (methods := self._exact.get(path)) is not None:
            if (route := _by_method(methods, method)) is not None:
                return route, {}
            allowed.update(methods)
        segments = tuple(path.split("/"))
        for pattern, methods in self._patterns.get(len(segments), ()):
            if (params := _match(pattern, segments)) is not None:
                if (route := _by_method(methods, method)) is not None:
                    return route, params
                allowed.update(methods)
        raise _refusal(method, allowed)

    def _add(self, route: Route) -> None:
        if "{" not in route.pattern:
            methods = self._exact.setdefault(route.pattern, {})
        else:
            segments = tuple(route.pattern.split("/"))
            patterns = self._patterns.setdefault(len(segments), [])
            methods = next((methods for pattern, methods in patterns if pattern == segments), None)
            if methods is None:
                patterns.append((segments, methods := {}))
        assert route.method not in methods, f"two routes for {route.method} {route.pattern}"
        methods[route.method] = route


def _by_method(methods: dict[str, Route], method: str) -> Route | None:
    return methods.get(method) or (methods.get("GET") if method == "HEAD" else None)


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{") and segment:
            params[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return params


def _refusal(method: str, allowed: set[str]) -> Refused:
    if not allowed:
        return Refused("route_unknown", "There is no such route; the reference lists all of them.")
    allow = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    return Refused("method_not_allowed", f"This route takes {allow}, not {method}.", allow=allow)
