"""Where things lie in the data directory."""

from pathlib import Path

import msgspec

from packhouse.settings import Settings


class Layout(msgspec.Struct, frozen=True):
    """The places below the data directory."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "packhouse.db"

    @property
    def journals(self) -> Path:
        return self.root / "journal"

    @property
    def knowledge(self) -> Path:
        return self.root / "knowledge"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def demo(self) -> Path:
        """What `packhouse demo` remembers: its logins, keys and packs."""
        return self.root / "demo.json"

    @property
    def first_link(self) -> Path:
        """The one-time link that the first start writes for the operator."""
        return self.root / "operator-link.txt"


def layout_of(settings: Settings) -> Layout:
    return Layout(Path(settings.data).absolute())


def database_of(settings: Settings) -> Path | str:
    """SQLite's file, or PostgreSQL's URL."""
    return settings.database or layout_of(settings).database
