"""How a training in this process is shown on the command line: one line written over, or a few; nobody who reads it is needed."""

from __future__ import annotations

import sys

import click

from vaelab.runs import store
from vaelab.runs.files import Row

PLAIN_LINES = 100  # at most, where the output is not a terminal
BAR = 24  # characters


class Progress:
    """One line that is written over on a terminal, else a line for each hundredth of the training at most."""

    def __init__(self, run: store.Run) -> None:
        self._run = run
        self._live = sys.stdout.isatty()
        self._width = 0
        self._next_step = 0
        self._is_heard = True

    def say(self, text: str, nl: bool = True) -> None:
        """Write where somebody reads. A closed pipe or a full disk under the output ends the words, not the training."""
        if not self._is_heard:
            return
        try:
            click.echo(text, nl=nl)
        except OSError:
            self._is_heard = False

    def show(self, row: Row) -> None:
        """Tell where training stands."""
        status = self._run.status()
        total = max(1, status.total_steps)
        if not self._live:
            if row["step"] >= self._next_step or row["step"] == total:
                self.say(self._text(row, total))
                self._next_step = row["step"] + total / PLAIN_LINES
            return
        left = "" if status.remaining_seconds is None else f"  {_clock(status.remaining_seconds)} left"
        done = round(BAR * row["step"] / total)
        line = f"[{'#' * done}{'.' * (BAR - done)}] {self._text(row, total)}{left}"
        self.say("\r" + line.ljust(self._width), nl=False)
        self._width = len(line)

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._width:
            self.say("")

    @staticmethod
    def _text(row: Row, total: int) -> str:
        losses = f"loss {_nats(row['loss'])} = recon {_nats(row['recon'])} + {row['beta']:g} * kl {_nats(row['kl'])}"
        return f"epoch {row['epoch']}  {row['step'] / total:4.0%}  {losses}  {row['throughput']:,.0f} images/s"


def _nats(value: float | None) -> str:
    return "?" if value is None else f"{value:,.1f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
