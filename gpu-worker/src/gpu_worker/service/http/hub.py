"""Passes events from the runner's thread to requests that wait in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from gpu_worker.speech.joining.spacing import space_between


class Hub:
    """Notifies waiting requests of texts and of the ends of jobs."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: dict[str, set[asyncio.Event]] = {}
        self._texts: dict[int, set[asyncio.Queue[str]]] = {}
        self._started: set[int] = set()

    def attach(self) -> None:
        """Stores the running event loop; must be called in it."""
        self._loop = asyncio.get_running_loop()

    def transcribed(self, seq: int, texts: Sequence[str]) -> None:
        """Publishes the texts of segments, which form a paragraph. Called by the runner's thread."""

        def deliver() -> None:
            if seq not in self._texts or not texts:
                return
            first = "\n\n" if seq in self._started else ""
            self._started.add(seq)
            for queue in self._texts[seq]:
                for n, text in enumerate(texts):
                    queue.put_nowait((first if n == 0 else space_between(texts[n - 1], text)) + text)

        self._call(deliver)

    def ended(self, job_ids: Sequence[str]) -> None:
        """Publishes the end of these jobs. Called by the runner's thread."""

        def deliver() -> None:
            for job_id in job_ids:
                for event in self._ends.get(job_id, ()):
                    event.set()

        self._call(deliver)

    def _call(self, deliver: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed; there are no requests
                self._loop.call_soon_threadsafe(deliver)

    @asynccontextmanager
    async def waiting(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the job ends."""
        event = asyncio.Event()
        self._ends.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            self._ends[job_id].discard(event)
            if not self._ends[job_id]:
                del self._ends[job_id]

    @asynccontextmanager
    async def texts(self, seq: int) -> AsyncIterator[asyncio.Queue[str]]:
        """A queue of text deltas of the job with this number. Concatenated, they are its whole text."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._texts.setdefault(seq, set()).add(queue)
        try:
            yield queue
        finally:
            self._texts[seq].discard(queue)
            if not self._texts[seq]:
                del self._texts[seq]
                self._started.discard(seq)
