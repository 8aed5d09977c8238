"""Between the runner's thread and requests that wait for a text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress


class Hub:
    """Tells waiting requests what the runner's thread says."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: dict[str, set[asyncio.Event]] = {}
        self._texts: dict[int, set[asyncio.Queue[str]]] = {}
        self._told: set[int] = set()

    def begin(self) -> None:
        """Called in the loop that requests run in."""
        self._loop = asyncio.get_running_loop()

    def heard(self, seq: int, texts: Sequence[str]) -> None:
        """From the runner's thread; `texts` are a paragraph, and what is sent of it joins to the whole text."""

        def tell() -> None:
            if seq not in self._texts or not texts:
                return
            first = "\n\n" if seq in self._told else ""
            self._told.add(seq)
            for queue in self._texts[seq]:
                for n, text in enumerate(texts):
                    queue.put_nowait((first if n == 0 else " ") + text)

        self._call(tell)

    def ended(self, names: Sequence[str]) -> None:
        """From the runner's thread."""

        def tell() -> None:
            for name in names:
                for event in self._ends.get(name, ()):
                    event.set()

        self._call(tell)

    def _call(self, tell: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(tell)

    @asynccontextmanager
    async def waiting(self, name: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the job has ended."""
        event = asyncio.Event()
        self._ends.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            self._ends[name].discard(event)
            if not self._ends[name]:
                del self._ends[name]

    @asynccontextmanager
    async def texts(self, seq: int) -> AsyncIterator[asyncio.Queue[str]]:
        """Texts of the job's segments as they are heard."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._texts.setdefault(seq, set()).add(queue)
        try:
            yield queue
        finally:
            self._texts[seq].discard(queue)
            if not self._texts[seq]:
                del self._texts[seq]
                self._told.discard(seq)
