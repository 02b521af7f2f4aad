"""One training, read from top to bottom. It reports to a Recorder and knows nothing about who watches.

Where several processes share a training, this is what process 0 does; the others `follow` (replica.py).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from vaelab import data
from vaelab.models.latent_model import LatentModel
from vaelab.runs.files import Row
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Control, Desired, State
from vaelab.training.checkpoints import Checkpoints, Progress
from vaelab.training.compiled_step import CompiledStep, why_eager
from vaelab.training.compiling import Compiling
from vaelab.training.group import ALONE, WAIT, Group, Order
from vaelab.training.measures import Means, Pace
from vaelab.training.replica import Replica
from vaelab.training.snapshots import Snapshots
from vaelab.training.step_program import Program, Recipe

TALK_SECONDS = 0.05  # of steps that all processes take between two words of process 0


@dataclass(frozen=True)
class Outcome:
    """How a training ended: finished, stopped or diverged, with a sentence for the last."""

    state: State
    message: str = ""


class Diverged(Exception):
    """The loss or the weights are not finite any more. The message is for the user."""


def fit(
    model: LatentModel,
    dataset: data.Dataset,
    cfg: RunConfig,
    run: Recorder,
    device: torch.device,
    group: Group = ALONE,
) -> Outcome:
    """Train the model on dataset.train until the config's last step, or until it is told to stop.

    Goes on from the run's latest checkpoint if there is one. group: the processes that share the work; they `follow`.
    Raises ConfigError when config and data do not fit together, WeightsError for an unusable checkpoint, RunError when
    the run directory cannot be written or a process is lost.
    """
    training = Training(model, dataset, cfg, run, device, group)
    training.begin()
    try:
        while training.at.step < training.cadence.total_steps:
            order = training.obey()
            if order == "stop":
                training.save()
                training.show()
                return Outcome("stopped")
            training.take_steps(single=order == "step")
            training.write_due(single=order == "step")
        training.save()
        training.show()
    except Diverged as error:
        run.event("diverged", training.at.step)
        return Outcome("diverged", str(error))
    finally:
        training.close()
        training.report()
    return Outcome("finished")


class Training(Replica):
    """What a training holds between its steps, and each thing that it does, by name."""

    def __init__(
        self,
        model: LatentModel,
        dataset: data.Dataset,
        cfg: RunConfig,
        run: Recorder,
        device: torch.device,
        group: Group = ALONE,
    ) -> None:
        super().__init__(model, dataset, cfg, device, group)
        self.run = run
        self.snapshots = Snapshots(run.run, dataset, cfg, device)
        self.checkpoints = Checkpoints(run.run, self.cadence.total_steps)
        self.pace = Pace(0.0)
        self.row_step = 0  # of the last row
        self.compiling: Compiling | None = None
        self.was_single = False  # whether the last step was asked for by itself, in a pause

    def begin(self) -> None:
        """Take up the latest checkpoint if there is one, and show the model as it is."""
        begun = self.run.run.metrics_file.exists()
        notes: list[str] = []
        self.at = self.checkpoints.load(self.model, self.optimizer, self.meter, notes.append) or self.at
        self.agree()
        self.pace, self.row_step = Pace(self.at.seconds), self.at.step
        self.run.event("resume" if begun else "start", self.at.step)
        self._begin_compiling(notes.append)
        for note in notes:
            self.run.event("fallback", self.at.step, message=note)
            _say(note)
        self.run.update(
            "running",
            message=notes[0] if notes else "",
            step=self.at.step,
            total_steps=self.cadence.total_steps,
            epoch=self.cadence.epoch(self.at.step),
            device=self.group.devices(self.device),
        )
        self.snapshots.begin(self.at.step)
        self.show()
        self._look_for_program()

    def close(self) -> None:
        """End what goes on beside."""
        if self.compiling:
            self.compiling.close()

    def obey(self) -> Desired:
        """Do what control.json asks for: wait in a pause, turn dials. Answers "run", "step" for one step, or "stop"."""
        control = self.run.poll()
        order = control.desired
        if order in ("pause", "step"):
            self.report()
            if not self.was_single:
                self.show()
                self.save()
            stopped_at = self.pace.seconds
            order = self.run.hold(lambda: self.group.tell(WAIT))
            self.pace = Pace(stopped_at)  # the pause itself is no training time
            control = self.run.poll()
        if order != "stop":
            self.was_single = order == "step"
            self._turn_dials(control)
        return order

    def take_steps(self, *, single: bool) -> None:
        """A step; in a group as many as need no word in between: none beyond a row, and none that would keep an order waiting."""
        steps = 1 if single or self.group.size == 1 else self._steps_until_a_word()
        self.group.tell(Order(steps, self.at.beta, self.at.lr, single))
        with self.group.together():
            for _ in range(steps):
                self.pace.tick(self.take_step())

    def _steps_until_a_word(self) -> int:
        most = max(1, int(TALK_SECONDS * (self.pace.throughput or 0.0) / self.cfg.optim.batch_size))
        step = self.at.step
        return next((n for n in range(1, most) if self.cadence.row_due(step + n)), most)

    def write_due(self, *, single: bool) -> None:
        """A row, pictures, a checkpoint and a sign of life, each where its time has come; a single step shows all it did."""
        step = self.at.step
        row_due = self.cadence.row_due(step)
        if row_due or single:
            self._write_row()
        if self.snapshots.due() or single:
            self.show()
        if row_due and self.checkpoints.due():
            self.save()
        if self.run.beat_due():
            self.report()
            self._look_for_program()

    def show(self) -> None:
        """Write the pictures of this step."""
        self.snapshots.write(self.model, self.at.step)

    def save(self) -> None:
        """Write a checkpoint. Raises Diverged rather than keep weights that are not numbers. Waits for the device."""
        checks = [tensor.isfinite().all() for tensor in (*self.model.parameters(), self.meter.sums)]
        if not bool(torch.stack(checks).all()):
            raise Diverged(_advice(self.cfg, self.at, f"at step {self.at.step} the weights or the loss"))
        self.snapshots.remember_codes(self.model)
        self.checkpoints.save(self.model, self.optimizer, self.meter, replace(self.at, seconds=self.pace.seconds))

    def report(self) -> None:
        """Tell the status where training stands."""
        self.run.update(
            step=self.at.step,
            epoch=self.cadence.epoch(self.at.step),
            seconds=round(self.pace.seconds, 3),
            throughput=self.pace.throughput,
            remaining_seconds=self._seconds_left(),
            device_memory_mb=self.group.memory_mb(self.device),
        )

    def _seconds_left(self) -> float | None:
        left = (self.cadence.total_steps - self.at.step) * self.cadence.images / self.cadence.steps_per_epoch
        return left / self.pace.throughput if self.pace.throughput else None

    def _begin_compiling(self, tell: Callable[[str], None]) -> None:
        """Go on with the compiled program of the checkpoint, or have one looked for where the config asks. tell: hears what was lost."""
        held, self.at = self.at.program, replace(self.at, program="")
        if self.cfg.optim.step == "compiled":
            reason = why_eager(self.cfg, self.device, self.group.size)
            if reason is None:
                rows = self.shuffle.rows(self.cadence.epoch(self.at.step + 1), self.cadence.batch(1))
                x, _ = self.images.draw(rows, self.noise, self.at.step + 1, slice(None))
                self.compiling = Compiling(Recipe.of(self.cfg, x), _say)
                program = self.compiling.look(None) if self.compiling.recipe.name == held else None
                if program and self._use(program):
                    return
            else:
                _say(f"this training keeps its eager step: {reason}")
        self.run.update(compiled_from=None)
        if held:
            tell(
                f"From step {self.at.step + 1} on the steps are eager, because the compiled program that took those before is"
                " not to be had here: the numbers may differ in their last digits from those of a training without a break."
            )

    def _look_for_program(self) -> None:
        """Between two steps: go over to the compiled step, if there is one by now."""
        program = self.compiling.look(self._seconds_left()) if self.compiling else None
        if program is None or not self._use(program):
            return
        if self.at.step:
            self.save()  # a resume then begins no earlier, and with this very program
        self.run.event("compiled", self.at.step, program=program.name, speedup=program.speedup)
        self.run.update(compiled_from=self.at.step + 1)
        _say(
            f"from step {self.at.step + 1} on each step is a compiled one, measured as {program.speedup:g} times as fast"
        )

    def _use(self, program: Program) -> bool:
        """Take every further step by a program; False, said in the log, where it cannot be loaded."""
        assert self.compiling is not None
        try:
            gradient = program.load()
        except Exception as error:  # whatever torch raises for a file that is not whole
            _say(f"the compiled step {program.name} could not be loaded: {error}")
            return False
        self.update = CompiledStep(self.model, self.cfg, self.optimizer, self.meter, self.compiling.recipe, gradient)
        self.at = replace(self.at, program=program.name)
        return True

    def _turn_dials(self, control: Control) -> None:
        """Take over dials that were turned, with an event for the charts."""
        beta = self.at.beta if control.beta is None else control.beta
        lr = self.at.lr if control.lr is None else control.lr
        if (beta, lr) != (self.at.beta, self.at.lr):
            self.run.event("dial", self.at.step, beta=beta, lr=lr)
        self.at = replace(self.at, beta=beta, lr=lr)

    def _write_row(self) -> None:
        """The means since the last row, and where it is time the held-out images. Raises Diverged for what is not a number."""
        step = self.at.step
        with self.group.together():
            measured = self.measure()
        means = self.meter.read()
        if not all(math.isfinite(value) for value in means.all()):
            where = f"at step {step}" if step == self.row_step + 1 else f"between steps {self.row_step + 1} and {step}"
            raise Diverged(_advice(self.cfg, self.at, f"{where} the loss"))
        row: Row = {
            "step": step,
            "epoch": self.cadence.epoch(step),
            "seconds": round(self.pace.seconds, 3),
            **_numbers(means, self.method.has_posterior and self.method.kl_by_dimension),
            "beta": self.beta,
            "lr": self.lr,
            "throughput": round(self.pace.throughput or 0.0, 1),
        }
        self.run.log(row | measured)
        self.row_step = step


def _say(line: str) -> None:
    """Into the run's log."""
    print(line, file=sys.stderr)


def _numbers(means: Means, has_kl: bool) -> Row:
    row: Row = {"recon": means.recon, "kl": means.kl, "loss": means.loss, **means.curves}
    if has_kl:
        row["kl_per_dim"] = [float(f"{kl:.5g}") for kl in means.kl_per_dim]
    return row


def _advice(cfg: RunConfig, at: Progress, what: str) -> str:
    lower = [f"the learning rate, which is {at.lr:g}, to {min(1e-3, at.lr / 10):g}"]
    if at.beta > 10:
        lower.append(f"beta, which is {at.beta:g}")
    if cfg.loss.likelihood == "gaussian" and cfg.loss.sigma < 0.05:
        lower.insert(1, f"the precision by raising sigma, which is {cfg.loss.sigma:g}")
    return f"{what[0].upper()}{what[1:]} stopped being finite numbers; the last good checkpoint is kept. Lower {' or '.join(lower)}."
