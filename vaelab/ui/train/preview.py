"""What will be trained on what: the data set's card, a strip of its images, the model's size and the length of the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from vaelab import data
from vaelab.data import DatasetInfo
from vaelab.data.folder import folder_path
from vaelab.export.bundle import frame_rates, is_closed, macs, supported
from vaelab.models.architecture import architecture
from vaelab.runs.memory import needed_mb
from vaelab.runs.run_config import RunConfig
from vaelab.training.cadence import Cadence
from vaelab.ui import pictures
from vaelab.ui.names import as_code, escaped, said_of_itself
from vaelab.ui.text import has_text, listed, t
from vaelab.ui.train.downloads import download_panel
from vaelab.ui.train.settings import dataset_title

COLUMNS = 12
ROWS = 4
LABELS = 8  # names of sub-folders that are listed
NAMED = 10  # files left out that are named
FEW_UPDATES = 500  # with less, the pictures of any set stay blurred


@dataclass(frozen=True)
class Preview:
    """The first images of a data set. pixels: (N, C, H, W) uint8; skipped: files of a folder that are no images."""

    info: DatasetInfo
    pixels: npt.NDArray[np.uint8]
    skipped: tuple[str, ...]


@st.cache_data(max_entries=24, show_spinner=False)
def _preview(name: str, image_size: int, stamp: int) -> Preview:
    dataset = data.load(name, image_size=image_size, limit=COLUMNS * ROWS)
    return Preview(dataset.info, dataset.train.pixels, dataset.skipped)


def dataset_card(info: DatasetInfo) -> None:
    """Title, what it shows, how many images, licence and source."""
    st.markdown(f"#### {escaped(dataset_title(info))}", anchors=False)
    if info.origin == "folder":
        st.markdown(t("train.about_folder"))
        few = listed(map(as_code, info.classes[:LABELS])) + ("…" if len(info.classes) > LABELS else "")
        labels = (
            t("train.labels_found", count=len(info.classes), names=few) if info.classes else t("train.no_labels_found")
        )
        st.caption(f"{_understood(info)} · {labels}")
        return
    counts = t("train.counts", train=f"{info.train_images:,}", test=f"{info.test_images:,}")
    about = f"train.about_{info.name}"
    st.markdown(t(about) if has_text(about) else info.description)
    shape = t(f"train.channels_{info.channels}", size=info.native_size)
    licence = t("common.named", name=t("train.licence"), value=said_of_itself(info.licence))
    source = t("common.named", name=t("train.source"), value=said_of_itself(info.source))
    st.caption(f"{counts} · {shape} · {licence} · {source}")


def _understood(info: DatasetInfo) -> str:
    """What a user's own folder was taken for: how many images, which are held out. Raises DataError for one that cannot be used."""
    train, test = data.count(info.name)
    if info.held_out_from:
        folders = listed(as_code(name) for name in info.held_out_from)
        return t("train.understood_split", images=f"{train + test:,}", test=f"{test:,}", folders=folders)
    return t("train.understood", images=f"{train + test:,}", test=f"{test:,}")


def image_preview(name: str, info: DatasetInfo, image_size: int) -> None:
    """The first images of the training split; where the data set is absent, its size and the button that downloads it."""
    if not data.is_available(name):
        st.info(
            t("train.absent", title=dataset_title(info), size=f"{info.download_mb:,.0f}"), icon=":material/download:"
        )
        download_panel(name)
        return
    stamp = (
        folder_path(name).stat().st_mtime_ns if name.startswith("folder:") else 0
    )  # the user may add images meanwhile
    preview = _preview(name, image_size, stamp)
    st.image(
        pictures.strip(preview.pixels, COLUMNS),
        caption=t("train.preview_caption", size=image_size),
        alt=t("train.preview_caption", size=image_size),
        output_format="PNG",
    )
    if preview.skipped:
        named = listed(as_code(name) for name in preview.skipped[:NAMED])
        more = len(preview.skipped) - NAMED
        names = t("train.skipped_more", names=named, count=more) if more > 0 else named
        st.caption(t("train.skipped", count=len(preview.skipped), names=names))


def plan_figures(cfg: RunConfig, info: DatasetInfo) -> None:
    """Weights of the model, and how many updates the training will take."""
    train, test = data.count(info.name, cfg.data.image_size)
    images = min(train, cfg.data.limit or train)
    updates = Cadence.of(images, test, cfg.optim).total_steps
    layers = architecture(cfg.model)
    left, middle, right = st.columns(3)
    left.metric(t("train.weights"), f"{layers.params:,}")
    middle.metric(t("train.latent_numbers"), f"{math.prod(_shape(cfg)):,} → {cfg.model.latent_dim}")
    right.metric(t("train.updates"), f"{updates:,}")
    facts = {"memory": f"{needed_mb(cfg, images + test):,.0f}", "work": f"{macs(cfg.model) / 1e6:.1f}"}
    if supported(cfg.model) is None:
        slow, quick, slow_grid, quick_grid = frame_rates(cfg.model)
        st.caption(t("train.cost_browser", one=_rates(slow, quick), grid=_rates(slow_grid, quick_grid), **facts))
    elif is_closed(cfg.model):
        st.caption(t("train.cost_own", memory=facts["memory"]))
    else:
        st.caption(t("train.cost_server", **facts))
    if updates < FEW_UPDATES:
        st.caption(t("train.few_updates"))


def _rates(slow: float, quick: float) -> str:
    """Pictures a second, one number where both computers keep up with a screen."""
    told = [f"{rate:.0f}" if rate >= 1 else f"{rate:.1f}" for rate in (slow, quick)]
    return "–".join(dict.fromkeys(told))


def _shape(cfg: RunConfig) -> tuple[int, int, int]:
    return cfg.model.channels, cfg.model.image_size, cfg.model.image_size
