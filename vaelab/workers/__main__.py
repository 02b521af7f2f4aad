"""`python -m vaelab.workers RUN_DIR`: train a run, alone or as one of several processes (docs/several-devices.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from vaelab.config.errors import VaeLabError
from vaelab.workers.train_worker import work_together


def main(arguments: list[str]) -> int:
    """The exit status."""
    if len(arguments) != 1:
        print("usage: python -m vaelab.workers RUN_DIR, or torchrun --nproc-per-node N -m vaelab.workers RUN_DIR")
        return 2
    try:
        return work_together(Path(arguments[0]))
    except VaeLabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
