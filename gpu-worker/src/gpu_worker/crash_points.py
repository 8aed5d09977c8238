"""Named places at which a test ends, pauses or breaks the worker, to show that nothing is lost or doubled there.

`CRASH_AT=<place>=<KILL|STOP|RAISE|MEMORY>`; without it `reach` does nothing.
"""

from __future__ import annotations

import os
import signal
from typing import Final, Literal

Place = Literal["claiming", "claimed", "decoded", "model", "transcribed", "result-written", "committed", "prepared"]
PLACES: Final[tuple[Place, ...]] = ("claimed", "decoded", "model", "transcribed", "result-written", "committed")
"""Those between a batch's claims and its end; `claiming` is after each single claim, `prepared` where a file is cut."""


def reach(place: Place) -> None:
    """The worker has come to this place."""
    wanted, _, how = os.environ.get("CRASH_AT", "").partition("=")
    if wanted != place:
        return
    if how == "RAISE":
        raise RuntimeError(f"crash point {place}")
    if how == "MEMORY":
        raise MemoryError(f"crash point {place}")
    os.kill(os.getpid(), signal.SIGSTOP if how == "STOP" else signal.SIGKILL)
