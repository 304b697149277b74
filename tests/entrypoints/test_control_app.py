"""The control application is made of what its framework still wants to be told."""

import warnings
from pathlib import Path

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.sql.store import SqlStore
from packhouse.entrypoints.portal.site import Site
from packhouse.services.control import control
from packhouse.wiring.control import control_app
from tests.services.conftest import NOW, context_on
from tests.support.installation import Installation


def test_no_handler_leaves_the_framework_to_guess_its_parameters(tmp_path: Path) -> None:
    context = context_on(Installation(tmp_path / "packhouse.db", tmp_path / "journal"), SetClock(NOW))
    assert isinstance(context.store, SqlStore)
    site = Site(
        control(context),
        read_catalog(),
        context.clock,
        context.ids,
        public_url="https://portal.example",
        gateway_url="https://genai.example",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        control_app(site, context.store)
