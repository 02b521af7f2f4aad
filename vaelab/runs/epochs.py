"""How long a run trains: more epochs for one that has ended, and what its schedules make of that."""

from __future__ import annotations

from vaelab.config.errors import RunError
from vaelab.config.settings import OptimConfig
from vaelab.runs.files import read_json, write_json
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run


def fewest_epochs(run: Run) -> int:
    """The fewest epochs that leave something to train: one more than a finished run has, else those that were begun."""
    status = run.status()
    return status.epoch + 1 if status.state == "finished" else max(1, status.epoch)


def check_epochs(run: Run, epochs: int) -> None:
    """Raises ConfigError for a number out of range, RunError for fewer epochs than are trained already, and where
    a finished run kept no checkpoint."""
    OptimConfig(epochs=epochs)
    if epochs < (fewest := fewest_epochs(run)):
        raise RunError(
            f"run {run.name} has trained for {run.status().epoch} epochs and needs at least {fewest} in all to go on, got {epochs}"
        )
    if run.status().state == "finished" and run.latest_checkpoint() is None:  # as imported weights have none
        raise RunError(f"run {run.name} has no checkpoint to go on from (train a new one)")


def set_epochs(run: Run, epochs: int) -> None:
    """Give a run that is not in training another number of epochs in all. Raises ConfigError or RunError as above.

    What a newer version wrote into config.json stays there.
    """
    check_epochs(run, epochs)
    cfg = run.config()
    values = read_json(run.config_file) or {}
    write_json(run.config_file, {**values, "optim": {**values.get("optim", cfg.optim.to_dict()), "epochs": epochs}})


def stretched(cfg: RunConfig, epochs: int) -> tuple[str, ...]:
    """The schedules ("rate", "warmup") that depend on the length of a training, so that a run which is taken further differs
    from one that had the epochs from the start. Empty: bit for bit the same weights, on one thread and the same device."""
    if epochs == cfg.optim.epochs:
        return ()
    return (("rate",) if cfg.optim.rate != "constant" else ()) + (
        ("warmup",) if cfg.schedule.kind != "constant" else ()
    )
