"""Histories of MiniStack that grow without limit are cut, so that a host that runs for weeks keeps its size.

AWS keeps logs as long as their retention says, and events not at all. Here, the newest are kept: of each log stream, and of
all events that were put on a bus.
"""

from __future__ import annotations

from typing import Any

NEWEST = 10_000


def cut(history: list[Any]) -> None:
    """Removes the oldest entries. Not at each call, because the others have to be moved."""
    if len(history) > 2 * NEWEST:
        del history[:-NEWEST]


def cut_histories() -> None:
    from ministack.services import cloudwatch_logs, eventbridge

    append = cloudwatch_logs._append_log_events
    entries = eventbridge._events_log_list

    def append_and_cut(stream: dict[str, Any], events: list[Any]) -> None:
        append(stream, events)
        with cloudwatch_logs._log_events_lock:
            cut(stream["events"])

    def cut_entries() -> list[Any]:
        found: list[Any] = entries()
        cut(found)
        return found

    cloudwatch_logs._append_log_events = append_and_cut
    eventbridge._events_log_list = cut_entries
