"""One training, read from top to bottom. It reports to a Recorder and knows nothing about who watches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from vaelab import data
from vaelab.batches import ImageSet, Noise, Shuffle, is_convolutional
from vaelab.cadence import Cadence
from vaelab.checkpoints import Checkpoints, Progress
from vaelab.config import RunConfig
from vaelab.device import describe, memory_mb
from vaelab.first_weights import start_at_mean_image
from vaelab.measures import HeldOut, Means, Meter, Pace, elbo_terms
from vaelab.models import LatentModel
from vaelab.recorder import Recorder
from vaelab.run_files import Row
from vaelab.run_status import Control, State
from vaelab.schedules import beta_at, lr_at
from vaelab.snapshots import Snapshots


@dataclass(frozen=True)
class Outcome:
    """How a training ended: finished, stopped or diverged, with a sentence for the last."""

    state: State
    message: str = ""


class Diverged(Exception):
    """The loss or the weights are not finite any more. The message is for the user."""


def fit(model: LatentModel, dataset: data.Dataset, cfg: RunConfig, run: Recorder, device: torch.device) -> Outcome:
    """Train the model on dataset.train until the config's last step, or until it is told to stop.

    Goes on from the run's latest checkpoint if there is one. Raises ConfigError when config and data do not fit
    together, WeightsError for an unusable checkpoint, RunError when the run directory cannot be written.
    """
    cadence = Cadence.of(len(dataset.train), len(dataset.test), cfg.optim)
    images = ImageSet(dataset.train, cfg.model, device)
    shuffle = Shuffle(len(images), cfg.seed, device)
    noise = Noise(cfg.model.latent_dim, cfg.seed, device)
    held_out = HeldOut(dataset, cfg, cadence.held_out, device)
    meter = Meter(cfg.model.latent_dim, device)
    start_at_mean_image(model, images)
    model.train().to(device)
    if is_convolutional(cfg.model):
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.optim.lr, fused=device.type in ("cpu", "cuda"))

    snapshots, checkpoints = Snapshots(run.run, dataset, cfg, device), Checkpoints(run.run)
    begun = run.run.metrics_file.exists()
    at = checkpoints.load(model, optimizer, meter) or Progress(beta=cfg.loss.beta, lr=cfg.optim.lr)
    pace = Pace(at.seconds)
    run.event("resume" if begun else "start", at.step)
    run.update(
        "running", step=at.step, total_steps=cadence.total_steps, epoch=cadence.epoch(at.step), device=describe(device)
    )
    snapshots.begin(at.step)
    snapshots.write(model, at.step)

    def save() -> None:
        if not _all_finite(model, meter):
            raise Diverged(_advice(cfg, at, f"at step {at.step} the weights or the loss"))
        snapshots.remember_codes(model)
        checkpoints.save(model, optimizer, meter, replace(at, seconds=pace.seconds))

    row_step, stepping = at.step, False
    try:
        while at.step < cadence.total_steps:
            control = run.poll()
            order = control.desired
            if order in ("pause", "step"):
                _report(run, cadence, at.step, pace, device)
                if not stepping:
                    snapshots.write(model, at.step)
                    save()
                stopped_at = pace.seconds
                order = run.hold()
                pace = Pace(stopped_at)
                control = run.poll()
            if order == "stop":
                save()
                snapshots.write(model, at.step)
                return Outcome("stopped")
            stepping = order == "step"
            at = _turn_dials(at, control, run)

            step = at.step + 1
            beta = beta_at(step, cadence.total_steps, at.beta, cfg.schedule)
            optimizer.param_groups[0]["lr"] = lr = lr_at(step, cadence.total_steps, at.lr, cfg.optim.rate)
            x, y = images.take(shuffle.rows(cadence.epoch(step), cadence.batch(step)))
            eps = noise.eps(step, len(x)) if model.is_variational else None
            recon, kl_per_dim = elbo_terms(model, x, y, eps, cfg.loss)  # (B,), (B, Z) nats
            loss = (recon + beta * kl_per_dim.sum(dim=1)).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            meter.add(recon, kl_per_dim, loss)
            pace.tick(len(x))
            at = replace(at, step=step)

            row_due = cadence.row_due(step)
            if row_due or stepping:
                means = meter.read()
                if not _is_finite(means):
                    where = f"at step {step}" if step == row_step + 1 else f"between steps {row_step + 1} and {step}"
                    raise Diverged(_advice(cfg, at, f"{where} the loss"))
                row = _row(means, cadence, step, pace, beta, lr, model.is_variational)
                if cadence.eval_due(step):
                    row |= held_out.measure(model, beta)
                run.log(row)
                row_step = step
            if snapshots.due() or stepping:
                snapshots.write(model, step)
            if row_due and checkpoints.due():
                save()
            if run.beat_due():
                _report(run, cadence, step, pace, device)
        save()
        snapshots.write(model, at.step)
    except Diverged as error:
        run.event("diverged", at.step)
        return Outcome("diverged", str(error))
    finally:
        _report(run, cadence, at.step, pace, device)
    return Outcome("finished")


def _turn_dials(at: Progress, control: Control, run: Recorder) -> Progress:
    """Take over dials that were turned, with an event for the charts."""
    beta = at.beta if control.beta is None else control.beta
    lr = at.lr if control.lr is None else control.lr
    if (beta, lr) != (at.beta, at.lr):
        run.event("dial", at.step, beta=beta, lr=lr)
    return replace(at, beta=beta, lr=lr)


def _row(means: Means, cadence: Cadence, step: int, pace: Pace, beta: float, lr: float, has_kl: bool) -> Row:
    row: Row = {
        "step": step,
        "epoch": cadence.epoch(step),
        "seconds": round(pace.seconds, 3),
        "recon": means.recon,
        "kl": means.kl,
        "loss": means.loss,
        "beta": beta,
        "lr": lr,
        "throughput": round(pace.throughput or 0.0, 1),
    }
    if has_kl:
        row["kl_per_dim"] = [float(f"{kl:.5g}") for kl in means.kl_per_dim]
    return row


def _report(run: Recorder, cadence: Cadence, step: int, pace: Pace, device: torch.device) -> None:
    """Tell the status where training stands."""
    throughput = pace.throughput
    left = (cadence.total_steps - step) * cadence.images / cadence.steps_per_epoch
    run.update(
        step=step,
        epoch=cadence.epoch(step),
        seconds=round(pace.seconds, 3),
        throughput=throughput,
        remaining_seconds=left / throughput if throughput else None,
        device_memory_mb=memory_mb(device),
    )


def _is_finite(means: Means) -> bool:
    return all(math.isfinite(value) for value in (means.recon, means.loss, *means.kl_per_dim))


def _all_finite(model: LatentModel, meter: Meter) -> bool:
    """Whether weights and sums are numbers. Waits for the device."""
    checks = [tensor.isfinite().all() for tensor in (*model.parameters(), meter.sums)]
    return bool(torch.stack(checks).all())


def _advice(cfg: RunConfig, at: Progress, what: str) -> str:
    lower = [f"the learning rate, which is {at.lr:g}, to {min(1e-3, at.lr / 10):g}"]
    if at.beta > 10:
        lower.append(f"beta, which is {at.beta:g}")
    if cfg.loss.likelihood == "gaussian" and cfg.loss.sigma < 0.05:
        lower.insert(1, f"the precision by raising sigma, which is {cfg.loss.sigma:g}")
    return f"{what[0].upper()}{what[1:]} stopped being finite numbers; the last good checkpoint is kept. Lower {' or '.join(lower)}."
