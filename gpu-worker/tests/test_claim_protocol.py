"""Searches every state into which two workers, time, stops and new bytes can bring a chunk's row.

Uses the real claims, commits and failures on a database in memory, which passes the same suite as the emulator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from gpu_worker.cloud.stage import chunk_rows
from gpu_worker.cloud.stage.chunk_rows import MAX_ATTEMPTS, MAX_DEATHS, MAX_KILLS, ChunkRows
from gpu_worker.cloud.stage.claims import Claim, LeaseLost, ObjectVersion
from gpu_worker.cloud.stage.rows import Lease
from memory_dynamodb import MemoryDynamoDB

KEY = ("session_x", 1)
WORKERS = ("i-a/1/x", "i-b/1/x")
LEASE_OVER_MS = 61_000
RETRY_OVER_MS = 121_000


@dataclass
class World:
    """One row, the workers that hold a claim on it, and the commits for its current bytes."""

    now: int = 10_000_000
    database: MemoryDynamoDB = field(default_factory=MemoryDynamoDB)
    claims: dict[str, Claim] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)
    commits: int = 0
    replaced: int = 0

    @property
    def row(self) -> dict:
        return self.database.tables["chunks"].items[KEY]

    def put(self, **more: object) -> None:
        base = {"session_id": KEY[0], "chunk_number": KEY[1], "user_id": "u", "object_key": "k", "state": "pending"}
        row = {**base, "etag": f"e{self.replaced}", "attempts": 0, "fence": 0, "next_attempt_at_ms": 0, **more}
        self.database.Table("chunks").put_item(Item={**row, "pending_shard": "p"})

    def rows(self, worker: str) -> ChunkRows:
        return ChunkRows(self.database, "chunks", "ledger", "fleet", worker)

    def copy(self) -> World:
        """An independent copy of this state."""
        other = replace(self, database=MemoryDynamoDB(), claims=dict(self.claims), alone=set(self.alone))
        for name, table in self.database.tables.items():
            other.database.tables[name].items = {key: dict(item) for key, item in table.items.items()}
        return other

    def fingerprint(self) -> tuple[object, ...]:
        """Identifies a state.

        Times count only as expired or not, in steps of the search. All claims that have lost the row are equal, and so are
        the two workers.
        """
        row = self.row
        leased = row["state"] == "leased"
        times: tuple[object, ...] = (max(0, -(-(row["next_attempt_at_ms"] - self.now) // LEASE_OVER_MS)),)
        if leased:
            times = (row["lease_until_ms"] > self.now, self.rows(WORKERS[0])._was_stopped(Lease.model_validate(row)))
        flags = tuple(row.get(name) for name in ("state", "attempts", "deaths", "kills", "suspect", "alone"))
        held = sorted(
            (
                self.holds(worker) and (claim.attempts, claim.deaths, claim.kills, worker in self.alone) or (),
                worker == row.get("worker_id"),
            )
            for worker, claim in self.claims.items()
        )
        return (flags, times, tuple(held), self.commits, self.replaced)

    def holds(self, worker: str) -> bool:
        """Whether the worker's claim matches the row."""
        claim = self.claims[worker]
        return (self.row["state"], self.row["fence"], self.row["etag"]) == ("leased", claim.fence, claim.etag)


def actions(world: World) -> Iterator[tuple[str, Callable[[World], None]]]:
    """Possible next actions, by name."""
    for worker in WORKERS:
        if worker not in world.claims:
            yield f"{worker} claims", lambda w, worker=worker: claim(w, worker)
            continue
        yield f"{worker} renews", lambda w, worker=worker: lost_or_applied(w, worker, lambda r, c: r.renew(c))
        if world.replaced == 0:
            yield f"{worker} finds other bytes", lambda w, worker=worker: adopt(w, worker)
        yield f"{worker} commits", lambda w, worker=worker: commit(w, worker)
        yield f"{worker} fails", lambda w, worker=worker: ends(w, worker, lambda r, c: r.fail(c, "x", False))
        yield f"{worker} refuses", lambda w, worker=worker: ends(w, worker, lambda r, c: r.fail(c, "x", True))
        yield f"{worker} releases", lambda w, worker=worker: ends(w, worker, lambda r, c: r.release(c))
        yield f"{worker} blames", lambda w, worker=worker: blame(w, worker)
        yield f"{worker} is killed", lambda w, worker=worker: blame(w, worker, killed=True)
        yield f"{worker} dies", lambda w, worker=worker: drop(w, worker)
        yield f"{worker} is stopped", lambda w, worker=worker: stopped(w, worker)
    yield "a lease passes", lambda w: pass_ms(w, LEASE_OVER_MS)
    yield "a wait passes", lambda w: pass_ms(w, RETRY_OVER_MS)
    if world.replaced == 0:
        yield "new bytes", upload_again


def claim(world: World, worker: str) -> None:
    claimed = world.rows(worker).claim(*KEY)
    if not isinstance(claimed, Claim):
        return
    world.claims[worker] = claimed
    if claimed.suspect:
        world.rows(worker).mark_alone(claimed)
        world.alone.add(worker)


def drop(world: World, worker: str) -> None:
    del world.claims[worker]
    world.alone.discard(worker)


def lost_or_applied(world: World, worker: str, call: Callable[[ChunkRows, Claim], object]) -> bool:
    """Makes a call. False if it was refused, which must happen exactly when the worker no longer holds the row."""
    ours = world.holds(worker)
    try:
        call(world.rows(worker), world.claims[worker])
    except LeaseLost:
        assert not ours, "refused, although it holds the row"
        return False
    assert ours, "accepted, although it does not hold the row"
    return True


def ends(world: World, worker: str, call: Callable[[ChunkRows, Claim], object]) -> None:
    with suppress(LeaseLost):
        call(world.rows(worker), world.claims[worker])
    drop(world, worker)


def blame(world: World, worker: str, killed: bool = False) -> None:
    was_alone = worker in world.alone
    ends(world, worker, lambda rows, held: rows.blame(held, was_alone, "x", killed))


def commit(world: World, worker: str) -> None:
    if lost_or_applied(world, worker, lambda rows, held: rows.commit(held, "result", "text", 1.0)):
        world.commits += 1
        world.rows(worker).commit(world.claims[worker], "result", "text", 1.0)  # repeated, as if the response had been lost
    drop(world, worker)


def adopt(world: World, worker: str) -> None:
    def newest(rows: ChunkRows, held: Claim) -> None:
        world.claims[worker] = rows.adopt(held, ObjectVersion(etag="e1", size_bytes=1))
        world.replaced += 1

    if not lost_or_applied(world, worker, newest):
        drop(world, worker)


def stopped(world: World, worker: str) -> None:
    machine = worker.split("/")[0]
    world.database.Table("fleet").put_item(Item={"id": machine, "stop_decided_at_ms": world.now})
    drop(world, worker)


def pass_ms(world: World, ms: int) -> None:
    world.now += ms


def upload_again(world: World) -> None:
    world.replaced += 1
    world.commits = 0
    world.put(fence=world.row["fence"] + 1)


def check(before: World, after: World, name: str) -> None:
    old, new = before.row, after.row
    assert new["fence"] >= old["fence"], name
    assert 0 <= new["attempts"] <= MAX_ATTEMPTS, name
    assert new.get("deaths", 0) <= MAX_DEATHS, name
    assert new.get("kills", 0) <= MAX_KILLS, name
    assert after.commits <= 1, name
    usage = [item for item in after.database.tables["ledger"].items if item[0].endswith(f"#{new['fence']}")]
    assert (new["state"] == "done") == (len(usage) == 1 and after.commits == 1), name
    assert (new["state"] in ("done", "dead")) == ("pending_shard" not in new), name
    assert (new["state"] == "dead") == ("dead_shard" in new), name
    if new["state"] == "dead":
        assert new["error_message"], name
    if new["state"] == "leased":
        assert new["lease_until_ms"], name
    if old["state"] in ("done", "dead") and name != "new bytes":
        assert new == old, f"{name} changed an ended row"
    if name.endswith("is stopped"):
        assert new["state"] != "dead" or old["state"] == "dead", name


def finishes(world: World) -> bool:
    """Whether one working worker can bring the row to its end."""
    world.claims.clear()
    for _ in range(3):
        world.now += RETRY_OVER_MS
        if world.row["state"] in ("done", "dead"):
            return True
        claim(world, WORKERS[0])
        if WORKERS[0] in world.claims:
            commit(world, WORKERS[0])
    return world.row["state"] in ("done", "dead")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    start = World()
    start.put()
    current = [start]
    monkeypatch.setattr(chunk_rows, "now_ms", lambda: current[0].now)
    start.current = current  # type: ignore[attr-defined]
    return start


def step(world: World, act: Callable[[World], None], current: list[World]) -> World:
    after = world.copy()
    current[0] = after
    act(after)
    return after


@pytest.mark.promise("pressure.overwritten", "worker.claims")
def test_no_reachable_state_of_the_row_loses_work_or_does_it_twice(world: World) -> None:
    current: list[World] = world.__dict__.pop("current")
    seen = {world.fingerprint()}
    queue = deque([world])
    while queue:
        here = queue.popleft()
        current[0] = here
        assert finishes(step(here, lambda _w: None, current)), here.row
        for name, act in actions(here):
            after = step(here, act, current)
            check(here, after, name)
            fingerprint = after.fingerprint()
            if fingerprint not in seen:
                seen.add(fingerprint)
                queue.append(after)
    assert len(seen) > 300


@pytest.mark.promise("worker.suspects")
def test_a_chunk_that_kills_every_worker_fails_permanently_after_two_deaths_alone(world: World) -> None:
    world.__dict__.pop("current")
    for _ in range(3):
        claim(world, WORKERS[0])
        drop(world, WORKERS[0])
        world.now += LEASE_OVER_MS
    claim(world, WORKERS[1])
    assert (world.row["state"], world.row["deaths"]) == ("dead", MAX_DEATHS)


@pytest.mark.promise("worker.suspects")
def test_decided_stops_never_count_against_a_chunk(world: World) -> None:
    world.__dict__.pop("current")
    claim(world, WORKERS[0])
    drop(world, WORKERS[0])  # makes the chunk a suspect, so that every later claim is alone
    world.now += LEASE_OVER_MS
    for _ in range(20):
        claim(world, WORKERS[0])
        stopped(world, WORKERS[0])
        world.now += LEASE_OVER_MS
    assert (world.row["state"], world.row.get("deaths", 0), world.row["attempts"]) == ("leased", 0, 1)
