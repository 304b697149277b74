"""Making responses: pages from templates, and redirects."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie

from packhouse.entrypoints.portal import assets, words
from packhouse.entrypoints.portal.headers import headers
from packhouse.entrypoints.portal.site import Site, Visit

HTML = "text/html"


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


def render(site: Site, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A page. `values` are the template's names."""
    text = environment().get_template(template).render(site=site, **values)
    return Response(text, media_type=HTML, status_code=status, headers=headers(site))


def page(visit: Visit, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A page for someone who is signed in."""
    return render(visit.site, template, status=status, visit=visit, **values)


def go(site: Site, path: str, *, cookies: Sequence[Cookie] = ()) -> Response[str]:
    """See other: where the browser goes after a form that went well."""
    where = headers(site, {"location": path})
    return Response("", media_type=HTML, status_code=303, headers=where, cookies=list(cookies))
