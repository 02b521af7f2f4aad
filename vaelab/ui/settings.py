"""The settings of a new training: each control is declared once here and mirrored in the address.

Names, defaults and ranges come from vaelab.config, words from text/LANGUAGE/train.json (label_NAME, help_NAME).
"""

from __future__ import annotations

import streamlit as st

from vaelab import data
from vaelab.config import (
    DEVICES,
    LIKELIHOODS,
    MAX_BATCH,
    MAX_EPOCHS,
    MODEL_NAMES,
    RATE_SCHEDULES,
    SCHEDULES,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    RunConfig,
    ScheduleConfig,
)
from vaelab.data import DatasetInfo
from vaelab.errors import ConfigError, DataError
from vaelab.plan import plan
from vaelab.ui.names import label_title
from vaelab.ui.text import has_text, t

# From vaelab.config, where each is checked again.
RANGES: dict[str, tuple[float, float]] = {
    "latent_dim": (2, 256),
    "epochs": (1, MAX_EPOCHS),
    "batch_size": (1, MAX_BATCH),
    "beta": (0.0, 1e4),
    "lr": (1e-7, 10.0),
    "warmup_share": (0.01, 1.0),
    "sigma": (0.001, 10.0),
    "limit": (1, 10**9),
    "seed": (0, 2**31 - 1),
}
OWN_IMAGES = "own"  # the entry of the list that asks for a folder or a zip


def _key(name: str) -> str:
    return f"set_{name}"


def _select(name: str, options: tuple[str, ...], default: str) -> str:
    """A choice among names of the config, shown in words."""

    def words(option: str) -> str:
        return t(f"train.{name}_{option}") if has_text(f"train.{name}_{option}") else label_title(option)

    return st.selectbox(
        t(f"train.label_{name}"),
        options,
        index=options.index(default),
        key=_key(name),
        format_func=words,
        help=t(f"train.help_{name}"),
        bind="query-params",
    )


def _whole(name: str, default: int | None, *, disabled: bool = False) -> int | None:
    value = st.number_input(
        t(f"train.label_{name}"),
        value=default,
        step=1,
        key=_key(name),
        help=t(f"train.help_{name}"),
        bind="query-params",
        disabled=disabled,
    )
    return None if value is None else int(value)


def _real(name: str, default: float, step: float) -> float:
    value = st.number_input(
        t(f"train.label_{name}"),
        value=default,
        step=step,
        format="%g",
        key=_key(name),
        help=t(f"train.help_{name}"),
        bind="query-params",
        required=True,
    )
    return default if value is None else float(value)


def _check_ranges(values: dict[str, float | None]) -> None:
    """Raises ConfigError for the first value out of range. A field with bounds of its own would keep the wrong value, and why
    it is wrong, to itself, and the training would start with the one before.
    """
    for name, value in values.items():
        low, high = RANGES[name]
        if value is not None and not low <= value <= high:
            words = {
                "field": t(f"train.label_{name}"),
                "low": f"{low:,g}",
                "high": f"{high:,.10g}",
                "value": f"{value:,.10g}",
            }
            raise ConfigError(t("train.out_of_range", **words))


def dataset_title(info: DatasetInfo) -> str:
    """A data set's title in the session's language; a folder of the user keeps its own."""
    return t(f"train.data_{info.name}") if has_text(f"train.data_{info.name}") else info.title


def dataset_name(name: str) -> str:
    """The title of a data set that may be gone by now."""
    try:
        return dataset_title(data.info(name))
    except DataError:
        return name


def choose_dataset() -> str | None:
    """The name of the data set, folder:PATH for the user's own images, None while those are not given yet."""
    names = (*data.names(), *data.uploaded(), OWN_IMAGES)

    def words(name: str) -> str:
        return t("train.data_own") if name == OWN_IMAGES else dataset_title(data.info(name))

    name = st.selectbox(
        t("train.label_dataset"),
        names,
        index=names.index(DataConfig.name),
        key=_key("dataset"),
        format_func=words,
        help=t("train.help_dataset"),
        bind="query-params",
    )
    return _own_images() if name == OWN_IMAGES else name


def _own_images() -> str | None:
    upload = st.file_uploader(t("train.label_zip"), type="zip", key=_key("zip"), help=t("train.help_zip"))
    if upload is not None:
        with st.spinner(t("train.unpacking")):
            return data.import_zip(upload.getvalue(), upload.name)
    folder = st.text_input(
        t("train.label_folder"), key=_key("folder"), help=t("train.help_folder"), placeholder="/home/me/pictures"
    )
    return f"folder:{folder.strip()}" if folder.strip() else None


def choose_settings(dataset: str, info: DatasetInfo) -> RunConfig:
    """The controls below the data set, the essentials first. Raises ConfigError for a combination that cannot be used."""
    model = _select("model", MODEL_NAMES, ModelConfig.name)
    left, right = st.columns(2)
    with left:
        fixed = model == "autoencoder"
        latent_dim = _whole("latent_dim", ModelConfig.latent_dim, disabled=fixed)
        epochs = _whole("epochs", OptimConfig.epochs)
    with right:
        beta = _real("beta", LossConfig.beta, 0.5)
        batch_size = _whole("batch_size", OptimConfig.batch_size)
    if fixed:
        st.caption(t("train.autoencoder_latent"))
    with st.expander(t("train.more_settings"), icon=":material/tune:", key="more_settings"):
        left, right = st.columns(2)
        with left:
            lr = _real("lr", OptimConfig.lr, 1e-4)
            rate = _select("rate", RATE_SCHEDULES, OptimConfig.rate)
            likelihood = _select("likelihood", LIKELIHOODS, LossConfig.likelihood)
            image_size = int(_select("image_size", ("32", "64"), str(DataConfig.image_size)))
            seed = _whole("seed", RunConfig.seed)
        with right:
            warmup = _select("warmup", SCHEDULES, ScheduleConfig.kind)
            share, sigma = ScheduleConfig.warmup, LossConfig.sigma
            if warmup != "constant":
                share = _real("warmup_share", share, 0.05)
            if likelihood == "gaussian":
                sigma = _real("sigma", sigma, 0.05)
            limit = _whole("limit", DataConfig.limit)
        device = _select("device", DEVICES, RunConfig.device)
        label = _choose_label(info) if model == "conv-vae" else None
        if model != "conv-vae":
            st.caption(t("train.label_needs_conv"))
    numbers = {
        "latent_dim": None if fixed else latent_dim,
        "epochs": epochs,
        "beta": beta,
        "batch_size": batch_size,
        "lr": lr,
    }
    _check_ranges(numbers | {"warmup_share": share, "sigma": sigma, "limit": limit, "seed": seed})
    return plan(
        dataset,
        model,
        latent_dim=latent_dim or ModelConfig.latent_dim,
        label=label,
        image_size=image_size,
        epochs=epochs or OptimConfig.epochs,
        batch_size=batch_size or OptimConfig.batch_size,
        lr=lr,
        rate=rate,
        beta=beta,
        likelihood=likelihood,
        sigma=sigma,
        warmup=warmup,
        warmup_share=share,
        limit=limit,
        seed=seed or 0,
        device=device,
    )


def _choose_label(info: DatasetInfo) -> str | None:
    """What the model is conditioned on: nothing, the class, or one of the data set's factors."""
    options = ("none", *(("class",) if info.classes else ()), *info.factors)
    if len(options) == 1:
        st.caption(t("train.no_labels"))
        return None
    chosen = _select("label", options, "none")
    return None if chosen == "none" else chosen
