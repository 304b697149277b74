"""What can be known to be wrong with the settings before anything is started."""

from pathlib import Path

from packhouse.adapters.models.local.weights import own_weights
from packhouse.settings import Settings
from packhouse.wiring.catalog import catalog_of
from packhouse.wiring.notify import smtp_server


def refuse_mistakes(settings: Settings) -> None:
    """Refused: catalog_invalid (file and line), setting_invalid."""
    catalog_of(settings)
    smtp_server(settings)
    if settings.local_text_model:
        own_weights(Path(settings.local_text_model))
