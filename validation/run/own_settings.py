"""Settings of a stack that a run starts for itself: own folder, own servers."""

from __future__ import annotations

from pathlib import Path

from system.connections import EXTERNAL_VARIABLES
from system.settings import Settings, load_settings


def settings_of_own(place: str | Path, **changes: object) -> Settings:
    """Return the settings with a state folder of a run's own and no server of anybody else.

    A run replays prices and empties topics: servers that the shell names for `riskstream up` may
    hold somebody's book.

    Parameters
    ----------
    place : str or Path
        Word that is added to the name of the usual state folder, or a folder.
    **changes
        Fields of ``Settings`` to replace, after the servers are cleared.
    """
    settings = load_settings()
    usual = settings.state_dir
    folder = place if isinstance(place, Path) else usual.with_name(f"{usual.name}-{place}")
    alone: dict[str, object] = dict.fromkeys(EXTERNAL_VARIABLES)
    return settings.model_copy(update={"state_dir": folder} | alone | changes)
