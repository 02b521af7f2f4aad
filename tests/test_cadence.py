"""When a training measures: rows early and steadily, held-out images affordably, every image seen."""

from __future__ import annotations

import itertools

import pytest

from vaelab.config.errors import ConfigError
from vaelab.config.settings import OptimConfig
from vaelab.training.cadence import MAX_ROWS, Cadence


def test_rows_come_early_then_steadily_and_end_every_epoch() -> None:
    cadence = Cadence.of(1000, 200, OptimConfig(batch_size=10, epochs=2))
    due = [step for step in range(1, cadence.total_steps + 1) if cadence.row_due(step)]
    assert (cadence.steps_per_epoch, cadence.total_steps, cadence.row_every) == (100, 200, 10)
    assert due == [1, 2, 4, 8, *range(10, 201, 10)]
    assert [step for step in due if cadence.eval_due(step)] == [100, 200]
    assert (cadence.epoch(0), cadence.epoch(1), cadence.epoch(100), cadence.epoch(101)) == (0, 1, 1, 2)


def test_a_training_of_very_many_epochs_has_a_curve_from_the_start() -> None:
    cadence = Cadence.of(1500, 297, OptimConfig(batch_size=128, epochs=100_000))
    due = [step for step in range(1, 1000) if cadence.row_due(step)]
    assert cadence.row_every == 600
    assert all(later - step <= max(4, step / 8) for step, later in itertools.pairwise(due) if later < 600)


@pytest.mark.parametrize(
    ("images", "batch", "epochs"), [(18_000, 128, 60), (50_000, 32, 100), (100, 1, 100_000), (64, 64, 5000)]
)
def test_rows_and_measurements_stay_affordable(images: int, batch: int, epochs: int) -> None:
    cadence = Cadence.of(images, 10_000, OptimConfig(batch_size=batch, epochs=epochs))
    steps = range(1, min(cadence.total_steps, 60_000) + 1)
    rows = [step for step in steps if cadence.row_due(step)]
    measured = [step for step in rows if cadence.eval_due(step)]
    assert len(rows) <= 1.6 * MAX_ROWS
    trained = len(steps) * images / cadence.steps_per_epoch
    if images >= 1000:  # a forward pass costs a third of a training step; for a tiny set the least size of 100 rules
        assert len(measured) * cadence.held_out / 3 <= 0.11 * trained
    assert all(cadence.row_due(step) for step in steps if cadence.eval_due(step))


def test_the_last_batch_is_kept_and_every_image_is_seen() -> None:
    cadence = Cadence.of(25, 5, OptimConfig(batch_size=10, epochs=2))
    parts = [cadence.batch(step) for step in range(1, cadence.total_steps + 1)]
    assert [(part.start, part.stop) for part in parts] == [(0, 10), (10, 20), (20, 25)] * 2


def test_a_batch_larger_than_the_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"batch_size must be at most .* 25, got 32"):
        Cadence.of(25, 5, OptimConfig(batch_size=32))
