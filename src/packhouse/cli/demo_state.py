"""What a demo remembers in its data directory, so that its next start finds the same company, or goes on with it."""

import os
from pathlib import Path

import msgspec

from packhouse.cli.demo_company import DemoCompany, Logins, new_logins
from packhouse.cli.demo_models import DemoModels
from packhouse.cli.ending import REFUSED, Ended
from packhouse.wiring.layout import Layout


class DemoState(msgspec.Struct, frozen=True):
    """`logins` are kept before anything is made with them; `company` once all of it is there."""

    logins: Logins
    models: DemoModels
    company: DemoCompany | None = None


def state_of(layout: Layout, models: DemoModels) -> DemoState:
    """The state of the demo in that directory; where there is none yet it is begun, and kept.

    Ended where the file is damaged, the directory holds another installation, or its packs are on other models.
    """
    path = layout.demo
    if not path.exists():
        if layout.database.exists():
            raise Ended(
                f"{layout.root} holds an installation that `packhouse demo` did not make. Start that one with "
                "`packhouse serve`, and give the demo a directory of its own with --data.",
                REFUSED,
            )
        return keep(layout, DemoState(new_logins(), models))
    state = _read(path, layout.root)
    if state.models != models:
        raise Ended(
            f"The demo in {layout.root} is on the models {_named(state.models)}; these settings lead to "
            f"{_named(models)}. Give it the settings that it was made with, or begin another one with another --data.",
            REFUSED,
        )
    if not layout.database.exists():
        return DemoState(state.logins, models)
    return state


def keep(layout: Layout, state: DemoState) -> DemoState:
    """Whole or not at all, readable by its owner only."""
    fresh = layout.demo.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(layout.demo)
    return state


def _read(path: Path, root: Path) -> DemoState:
    try:
        return msgspec.json.decode(path.read_bytes(), type=DemoState)
    except (msgspec.DecodeError, OSError) as error:
        raise Ended(
            f"{path} is damaged or of another version, and with it the logins of this demo. Remove {root} to begin "
            "anew, or choose another directory with --data.",
            REFUSED,
        ) from error


def _named(models: DemoModels) -> str:
    return f"{models.text} and {models.embeddings}"
