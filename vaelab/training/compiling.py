"""What goes on beside a training that asked for a compiled step: one is looked for, built by another process, handed over when ready."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from vaelab.config.places import PROJECT
from vaelab.training.step_program import Program, Recipe, find

BUILDER = (sys.executable, "-m", "vaelab.training.build_program")
# Building takes 10 to 40 s of CPU and a step gets 1.1 to 1.5 times as fast: with 5 minutes left the gain is above twice the cost.
LEAST_SECONDS_LEFT = 300.0


class Compiling:
    """One program on its way. tell: hears a line for the run's log."""

    def __init__(self, recipe: Recipe, tell: Callable[[str], None]) -> None:
        self.recipe, self._tell = recipe, tell
        self._process: subprocess.Popen[str] | None = None
        self.is_over = False  # nothing more will come of it

    def look(self, seconds_left: float | None) -> Program | None:
        """The program, once there is one that is worth it; builds it where it is not there and enough is left to do. Never waits."""
        if self.is_over:
            return None
        if self._process is None:
            found = find(self.recipe.name)
            if found is not None:
                self.is_over = True
                return found if found.library else None
            if seconds_left is not None and seconds_left >= LEAST_SECONDS_LEFT:
                self._build()
            return None
        if self._process.poll() is None:
            return None
        assert self._process.stdout is not None
        with self._process.stdout as said:
            self._tell(said.readline().strip() or "the compiled step could not be built")
        self.is_over = True
        found = find(self.recipe.name) if self._process.returncode == 0 else None
        return found if found is not None and found.library else None

    def _build(self) -> None:
        path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
        try:
            self._process = subprocess.Popen(
                BUILDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": path},
            )
            assert self._process.stdin is not None
            self._process.stdin.write(self.recipe.to_json())
            self._process.stdin.close()
        except OSError as error:
            self._tell(f"no compiled step for this training: {error}")
            self.is_over = True

    def close(self) -> None:
        """End what is being built: nobody waits for it any more."""
        self.is_over = True
        if self._process is None:
            return
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(self._process.pid, signal.SIGKILL)  # the compiler too
                else:
                    self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
