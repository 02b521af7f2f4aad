"""What the Your image page keeps of a model: the model itself, how test images score, and the codes of its training images.

The last two take seconds, so that a thread prepares them as soon as the page is opened; the page asks how far it is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis import latents, projections
from vaelab.config.errors import VaeLabError
from vaelab.data import Dataset, Images
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui.access import seen
from vaelab.ui.model_picker import shipped

if TYPE_CHECKING:
    from vaelab.analysis.anomaly import Reference
    from vaelab.models.latent_model import LatentModel

_log = logging.getLogger(__name__)

MODELS_LISTED = 40  # runs in the picker, newest first
SCORED = 2_000  # test images behind a percentile: half a tenth of a per cent each
PREPARED = 3  # models whose training codes are kept
ENCODED_AT_ONCE = 1_024
SMALLEST_MAP = 3  # codes
NICE = 10  # steps of priority below the pages
# Of the training codes that are compared: all images up to 64 dimensions, 10,000 of an autoencoder.
MOST_NUMBERS = 4 * 10**6


def models() -> dict[str, Run]:
    """Models that can encode: shipped ones, then runs, newest first, that have saved weights."""
    found = shipped()
    for run in seen.list_runs()[:MODELS_LISTED]:
        if run.model_file_or_none() is not None:
            found.setdefault(run.name, run)
    return found


def stamp(run: Run) -> int:
    """Changes when the weights do."""
    file = run.model_file_or_none()
    return file.stat().st_mtime_ns if file else 0


def model_of(run: Run) -> LatentModel:
    """The model, kept in memory. Raises WeightsError. The first call of the process imports torch."""
    return _model(run, stamp(run))


@lru_cache(maxsize=PREPARED)
def _model(run: Run, _: int) -> LatentModel:
    from vaelab.analysis import inference

    return inference.load_run(run)


def dataset_of(cfg: RunConfig) -> Dataset:
    """The images of a run at its model's size, shared by everybody: read only. Raises DataError when they are absent."""
    return _dataset(cfg.data.name, cfg.model.image_size, cfg.model.channels, cfg.data.limit)


@lru_cache(maxsize=2)
def _dataset(name: str, image_size: int, channels: int, limit: int | None) -> Dataset:
    return data.load(name, image_size=image_size, channels=channels, limit=limit)


@dataclass
class Preparation:
    """What is known of a model so far. share: how far, 0 to 1; problem: why something stays unknown, one sentence;
    defect: the kind of an error that is ours.

    reference: how test images score; places: the codes that make the map, plane: their PCA;
    codes: (N, Z) of the training images, which are train.
    """

    share: float = 0.0
    done: bool = False
    problem: str = ""
    defect: str = ""
    reference: Reference | None = None
    places: latents.Codes | None = None
    plane: projections.Pca | None = None
    codes: NDArray[np.float32] | None = None
    train: Images | None = None
    thread: threading.Thread | None = field(default=None, repr=False)
    began: float = field(default_factory=time.monotonic, repr=False)  # seconds

    def wait(self, seconds: float) -> bool:
        """Whether it is done within so many seconds of its beginning: a long one holds up one answer, not every one."""
        if self.thread is not None:
            self.thread.join(max(0.0, self.began + seconds - time.monotonic()))
        return self.done


_prepared: OrderedDict[tuple[Run, int], Preparation] = OrderedDict()
_guard = threading.Lock()
_one_at_a_time = threading.Lock()  # two cores: two models at once would take as long, and slow down the page


def preparation(run: Run) -> Preparation:
    """The preparation of a model, begun by the first who asks and shared by all sessions."""
    key = (run, stamp(run))
    with _guard:
        known = _prepared.get(key)
        if known is None:
            known = _prepared[key] = Preparation()
            known.thread = threading.Thread(target=_prepare, args=(run, known), name="prepare-model", daemon=True)
            known.thread.start()
        _prepared.move_to_end(key)
        while len(_prepared) > PREPARED:
            _prepared.popitem(last=False)
    return known


def _prepare(run: Run, known: Preparation) -> None:
    """Fill in a preparation: first what the figures need, then what the neighbours need."""
    give_way()
    with _one_at_a_time:
        try:
            _measure(run, known)
        except VaeLabError as error:
            known.problem = str(error)
        except (OSError, RuntimeError, MemoryError) as error:
            _log.error("preparing %s failed", run.name, exc_info=error)
            known.defect = type(error).__name__
        finally:
            known.done, known.share = True, 1.0


def give_way() -> None:
    """Let everything else in this process go first: a picture that is uploaded now does not wait for this thread."""
    with contextlib.suppress(AttributeError, OSError):  # Linux alone knows the priority of a thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _measure(run: Run, known: Preparation) -> None:
    from vaelab.analysis import anomaly, inference

    cfg = run.config()
    model = model_of(run)
    known.reference = anomaly.Reference.from_card(run.evaluation())
    places = latents.codes(latents.query(run))
    known.plane = projections.pca(places.mu) if len(places) >= SMALLEST_MAP else None
    known.places = places
    dataset = dataset_of(cfg)
    label = cfg.model.label

    def told(share: float) -> None:
        known.share = share

    if known.reference is None and len(dataset.test):
        test = dataset.test.take(slice(0, SCORED))
        y = None if label is None else data.labels_of(test, label)
        known.reference = anomaly.Reference.of(anomaly.score(model, test.pixels, y, cfg.loss, told))
    known.share = 0.0
    train = dataset.train.take(slice(0, max(1, MOST_NUMBERS // cfg.model.latent_dim)))
    y = None if label is None else data.labels_of(train, label)
    parts = []
    for start in range(0, len(train), ENCODED_AT_ONCE):
        rows = slice(start, start + ENCODED_AT_ONCE)
        parts.append(inference.encode(model, train.pixels[rows], None if y is None else y[rows])[0])
        known.share = min(1.0, rows.stop / len(train))
    known.codes, known.train = np.concatenate(parts), train
