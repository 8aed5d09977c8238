"""Training: batches from all processors, one device, a schedule by the clock, and a checkpoint that can be gone on from.

Windows are padded to 30 s as the engine pads them; where time is short, a first part of it can go without, which is faster.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax

from demo_model.mel import FRAMES_PER_SECOND
from demo_model.network import MEASURES, POSITIONS, Parameters, first_parameters, loss
from demo_model.pool import Pool
from demo_model.windows import Batch, SharedBatches, keep_filling

TOKENS: Final = 48
"""Of a window of 7 s: 25 words, a text before it, timestamps."""
SLOTS_PER_PROCESS: Final = 2
REPORT_SECONDS: Final = 10.0
LEAST_RATE: Final = 0.01
"""Of the highest learning rate, in the end."""


@dataclass(frozen=True)
class Plan:
    """How long, how much at once, how fast."""

    minutes: float
    windows: int = 64
    """A batch."""
    seconds: int = 7
    """A window; the engine's `chunk_length` is one less."""
    rate: float = 1.5e-3
    warm_steps: int = 200
    unpadded: float = 0.0
    """Share of the time with windows that are not padded."""
    processes: int = max(1, (os.cpu_count() or 2) - 1)
    seed: int = 0
    save_seconds: float = 60.0


def _optimizer() -> optax.GradientTransformation:
    def decays(p: Parameters) -> dict[str, bool]:
        return {name: value.ndim == 2 and name not in ("emb", "out") for name, value in p.items()}

    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=0.98), optax.add_decayed_weights(0.01, decays))


class _Batches:
    """Batches made by other processes, copied to the device one ahead."""

    def __init__(self, plan: Plan, pool: Path) -> None:
        context = multiprocessing.get_context("spawn")
        slots = SLOTS_PER_PROCESS * plan.processes
        shape: dict[str, Any] = {"slots": slots, "windows": plan.windows, "seconds": plan.seconds, "tokens": TOKENS}
        self._shared = SharedBatches(**shape)
        self._free, self._full = context.Queue(), context.Queue()
        for index in range(slots):
            self._free.put(index)
        shape["names"] = self._shared.names
        self._makers = [
            context.Process(
                target=keep_filling, args=(shape, pool, self._free, self._full, plan.seed + 1 + index), daemon=True
            )
            for index in range(plan.processes)
        ]
        for maker in self._makers:
            maker.start()
        self._ready: Queue[Batch] = Queue(2)
        threading.Thread(target=self._fetch, daemon=True).start()

    def _fetch(self) -> None:
        while True:
            index = self._full.get()
            batch = Batch(*(jnp.asarray(np.array(array)) for array in self._shared.slot(index)))
            self._free.put(index)
            self._ready.put(batch)

    def next(self) -> Batch:
        return self._ready.get()

    def end(self) -> None:
        for maker in self._makers:
            maker.terminate()
        self._shared.remove()


def save(path: Path, p: Parameters) -> None:
    """Writes parameters; whoever reads meanwhile finds the old file or the new one."""
    temporary = path.with_name(f"{path.stem}.new.npz")
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in p.items()}
    np.savez(temporary, **arrays)
    temporary.replace(path)


def load(path: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Parameters from a file. Raises FileNotFoundError."""
    return dict(np.load(path))


def train(plan: Plan, pool: Path, checkpoint: Path, begin_with: Path | None = None) -> None:
    """Trains for `plan.minutes` and writes the checkpoint every now and then, and in the end."""
    phonemes = len(Pool(pool).phonemes)
    start = load(begin_with) if begin_with else first_parameters(phonemes, plan.seed)
    p: Parameters = {name: jnp.asarray(value) for name, value in start.items()}
    optimizer = _optimizer()
    state = optimizer.init(p)

    def step(p: Parameters, state: Any, batch: Batch, rate: jax.Array, frames: int) -> tuple[Parameters, Any, jax.Array]:  # noqa: ANN401
        (_, measures), gradient = jax.value_and_grad(loss, has_aux=True)(p, batch, frames)
        change, state = optimizer.update(gradient, state, p)
        return jax.tree.map(lambda value, by: value - rate * by, p, change), state, measures

    run = jax.jit(step, static_argnums=4, donate_argnums=(0, 1))
    batches = _Batches(plan, pool)
    print(f"{sum(value.size for value in p.values()):,} parameters on {jax.devices()[0].device_kind}", flush=True)
    began_s = saved_s = told_s = time.monotonic()
    measured: list[jax.Array] = []
    count = 0
    try:
        while (share := (time.monotonic() - began_s) / 60 / plan.minutes) < 1:
            frames = plan.seconds * FRAMES_PER_SECOND if share < plan.unpadded else 2 * POSITIONS
            count += 1
            falling = LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + np.cos(np.pi * share))
            rate = plan.rate * min(1.0, count / plan.warm_steps) * falling
            p, state, measures = run(p, state, batches.next(), jnp.float32(rate), frames)
            if measured:  # no further ahead of the device than one step: the clock decides what comes next
                measured[-1].block_until_ready()
            measured.append(measures)
            now_s = time.monotonic()
            if now_s - told_s > REPORT_SECONDS:
                figures = np.nanmean(np.asarray(jnp.stack(measured)), 0)
                told = ", ".join(f"{name} {figure:.3f}" for name, figure in zip(MEASURES, figures, strict=True))
                print(f"step {count}, {share:.0%}, {frames} frames, rate {rate:.5f}: {told}", flush=True)
                measured, told_s = [], time.monotonic()
            if now_s - saved_s > plan.save_seconds:
                save(checkpoint, p)
                saved_s = time.monotonic()
        save(checkpoint, p)
        print(f"{count} steps of {plan.windows} windows; written: {checkpoint}", flush=True)
    finally:
        batches.end()
