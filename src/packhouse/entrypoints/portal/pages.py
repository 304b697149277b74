"""Making responses: pages from templates, and redirects."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal import assets, words
from packhouse.entrypoints.portal.headers import headers
from packhouse.entrypoints.portal.site import Site, Visit

HTML = "text/html"

STATUS: Mapping[str, int] = {
    "not_found": 404,
    "forbidden": 403,
    "csrf_failed": 403,
    "no_self_service": 403,
    "conflict": 409,
    "sign_in_throttled": 429,
    "unavailable": 503,
    "internal": 500,
}
"""Of a page that shows a refusal; a code that is not here is about what was typed: 422."""


@cache
def environment() -> Environment:
    """Made with the first page; a template is compiled when it is first shown."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(words.FILTERS)
    made.globals["asset"] = assets.address
    return made


def render(site: Site, template: str, *, refused: Refused | None = None, **values: object) -> Response[str]:
    """A page. `values` are the template's names; `refused` is shown next to the form that it turned down."""
    text = environment().get_template(template).render(site=site, refused=refused, **values)
    status = 200 if refused is None else status_of(refused)
    return Response(text, media_type=HTML, status_code=status, headers=headers(site))


def page(visit: Visit, template: str, *, refused: Refused | None = None, **values: object) -> Response[str]:
    """A page for someone who is signed in."""
    return render(visit.site, template, refused=refused, visit=visit, **values)


def go(site: Site, path: str, *, cookies: Sequence[Cookie] = ()) -> Response[str]:
    """See other: where the browser goes after a form that went well."""
    where = headers(site, {"location": path})
    return Response("", media_type=HTML, status_code=303, headers=where, cookies=list(cookies))


def status_of(refused: Refused) -> int:
    return STATUS.get(refused.code, 422)
