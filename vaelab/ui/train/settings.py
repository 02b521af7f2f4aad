"""The settings of a new training: each control is declared once here and mirrored in the address.

Names, defaults and ranges come from the configs, words from text/LANGUAGE/train.json (label_NAME, help_NAME).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import streamlit as st

from vaelab import data
from vaelab.config.errors import ConfigError, DataError
from vaelab.config.fields import Strict
from vaelab.config.settings import (
    DEVICES,
    LIKELIHOODS,
    RATE_SCHEDULES,
    SCHEDULES,
    STEPS,
    DataConfig,
    LossConfig,
    OptimConfig,
    ScheduleConfig,
)
from vaelab.data import DatasetInfo
from vaelab.models import registry
from vaelab.models.methods.method import MethodSetting, Value
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import Preset, preset, presets
from vaelab.models.words import Words
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig
from vaelab.ui import doing
from vaelab.ui.access.folders import check_folder_words
from vaelab.ui.access.rules import may
from vaelab.ui.names import label_title
from vaelab.ui.text import has_text, language, t

# Where each number is declared: its bounds stand there.
DECLARED: dict[str, tuple[type[Strict], str]] = {
    "latent_dim": (ModelConfig, "latent_dim"),
    "epochs": (OptimConfig, "epochs"),
    "batch_size": (OptimConfig, "batch_size"),
    "beta": (LossConfig, "beta"),
    "lr": (OptimConfig, "lr"),
    "warmup_share": (ScheduleConfig, "warmup"),
    "sigma": (LossConfig, "sigma"),
    "limit": (DataConfig, "limit"),
    "seed": (RunConfig, "seed"),
}
OWN_IMAGES = "own"  # the entry of the list that asks for a folder or a zip


def _key(name: str) -> str:
    return f"set_{name}"


def _select(name: str, options: tuple[str, ...], default: str, titles: Mapping[str, Words] | None = None) -> str:
    """A choice among names of the config, shown in words: ours, or those that stand beside the option's code."""

    def words(option: str) -> str:
        if titles and not has_text(f"train.{name}_{option}"):
            return titles[option].titled(language())
        return t(f"train.{name}_{option}") if has_text(f"train.{name}_{option}") else label_title(option)

    _take_code(name, options)
    return st.selectbox(
        t(f"train.label_{name}"),
        options,
        index=options.index(default),
        key=_key(name),
        format_func=words,
        help=t(f"train.help_{name}"),
        bind="query-params",
    )


def _take_code(name: str, options: tuple[str, ...]) -> None:
    """Take an option by its code out of the address, once: a link names it so in any language, where Streamlit knows the words of the list alone."""
    key, taken = _key(name), f"code_{name}"
    asked = st.query_params.get(key)
    if asked not in options:
        st.session_state.pop(taken, None)
    elif st.session_state.get(taken) != asked:
        st.session_state[taken] = st.session_state[key] = asked


NUMBER = re.compile(r"-?\d{1,12}(\.\d{0,12})?([eE][+-]?\d{1,2})?", re.ASCII)


def _bind(name: str) -> Literal["query-params"] | None:
    """Whether a number is mirrored in the address: not where that holds no finite number, at which Streamlit fails ("inf")."""
    return "query-params" if NUMBER.fullmatch(st.query_params.get(_key(name), "0")) else None


def _whole(name: str, default: int | None, *, step: int = 1, disabled: bool = False) -> int | None:
    value = st.number_input(
        t(f"train.label_{name}"),
        value=default,
        step=step,
        key=_key(name),
        help=t(f"train.help_{name}"),
        bind=_bind(name),
        disabled=disabled,
    )
    return None if value is None else int(value)


def _batch_size(images: int) -> int | None:
    """The usual batch, or all images where there are fewer; it goes along with them until somebody types another."""
    limit = st.session_state.get(_key("limit"))  # its field comes further down
    usual = min(OptimConfig.batch_size, images, max(1, limit or images))
    key, offered = _key("batch_size"), "offered_batch_size"
    if key in st.session_state and st.session_state[key] == st.session_state.get(offered):
        st.session_state[key] = usual  # a field keeps its number when its default changes
    st.session_state[offered] = usual
    return _whole("batch_size", usual)


def _real(name: str, default: float, step: float) -> float:
    value = st.number_input(
        t(f"train.label_{name}"),
        value=default,
        step=step,
        format="%g",
        key=_key(name),
        help=t(f"train.help_{name}"),
        bind=_bind(name),
        required=True,
    )
    return default if value is None else float(value)


def _check_ranges(values: dict[str, float | None]) -> None:
    """Raises ConfigError for the first value out of range. A field with bounds of its own would keep the wrong value, and why
    it is wrong, to itself, and the training would start with the one before.
    """
    for name, value in values.items():
        owner, field = DECLARED[name]
        bounds = owner.bounds(field)
        if value is not None and not bounds.allow(value):
            words = {
                "field": t(f"train.label_{name}"),
                "low": f"{bounds.low:,g}",
                "high": f"{bounds.high:,.10g}",
                "value": f"{value:,.10g}",
            }
            raise ConfigError(t("train.not_above" if bounds.open_low else "train.out_of_range", **words))


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
    own = may("import_images")
    names = (*data.names(), *(data.uploaded() if own else ()), *((OWN_IMAGES,) if own else ()))

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
    if not own:
        st.caption(t("train.own_teachers"))
    return _own_images() if name == OWN_IMAGES else name


def _own_images() -> str | None:
    upload = st.file_uploader(t("train.label_zip"), type="zip", key=_key("zip"), help=t("train.help_zip"))
    if upload is not None:
        with st.spinner(t("train.unpacking")):
            return doing.import_zip(upload.getvalue(), upload.name)
    folder = st.text_input(
        t("train.label_folder"), key=_key("folder"), help=t("train.help_folder"), placeholder="/home/me/pictures"
    )
    return f"folder:{check_folder_words(folder)}" if folder.strip() else None


def choose_settings(dataset: str, info: DatasetInfo) -> RunConfig:
    """The controls below the data set, the essentials first. Raises ConfigError for a combination that cannot be used."""
    model = _select("model", tuple(presets()), ModelConfig.name, {n: _named(p) for n, p in presets().items()})
    method = registry.method(preset(model).method)
    if method.words.helped(language()) and not has_text(f"train.model_{model}"):
        st.caption(method.words.helped(language()))
    left, right = st.columns(2)
    with left:
        fixed = registry.network(_network_now(model)).fixes_code
        latent_dim = _whole("latent_dim", ModelConfig.latent_dim, disabled=fixed)
        epochs = _whole("epochs", OptimConfig.epochs)
    with right:
        beta = _real("beta", LossConfig.beta, 0.5)
        batch_size = _batch_size(data.count(dataset)[0])
    if fixed:
        st.caption(t("train.autoencoder_latent"))
    settings = {setting.name: _method_setting(setting) for setting in method.settings}
    with st.expander(t("train.more_settings"), icon=":material/tune:", key="more_settings"):
        left, right = st.columns(2)
        with left:
            lr = _real("lr", OptimConfig.lr, 1e-4)
            image_size = _whole("image_size", DataConfig.image_size, step=4) or DataConfig.image_size
        with right:
            limit = _whole("limit", DataConfig.limit)
            seed = _whole("seed", RunConfig.seed)
        # What has words for an answer has the whole width: half of it cuts them off.
        rate = _select("rate", RATE_SCHEDULES, OptimConfig.rate)
        warmup = _select("warmup", SCHEDULES, ScheduleConfig.kind)
        share, sigma = ScheduleConfig.warmup, LossConfig.sigma
        if warmup != "constant":
            share = _real("warmup_share", share, 0.05)
        likelihood = _select("likelihood", LIKELIHOODS, LossConfig.likelihood)
        if likelihood == "gaussian":
            sigma = _real("sigma", sigma, 0.05)
        step = _select("step", STEPS, OptimConfig.step)
        device = _select("device", DEVICES, RunConfig.device)
        network = _choose_network(model)
        st.caption(registry.network(network).words.helped(language()))
        takes_label = registry.network(network).takes_label
        label = _choose_label(info) if takes_label else None
        if not takes_label:
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
        network=network,
        settings=settings,
        latent_dim=latent_dim or ModelConfig.latent_dim,
        label=label,
        image_size=image_size,
        epochs=epochs or OptimConfig.epochs,
        batch_size=batch_size,
        lr=lr,
        rate=rate,
        step=step,
        beta=beta,
        likelihood=likelihood,
        sigma=sigma,
        warmup=warmup,
        warmup_share=share,
        limit=limit,
        seed=seed or 0,
        device=device,
    )


def _named(known: Preset) -> Words:
    """The words of a model after the name by which commands ask for it."""
    words = known.words
    return replace(words, title=f"{known.name} · {words.title}", title_zh=f"{known.name} · {words.title_zh}")


def _network_now(model: str) -> str:
    """What the network select, which comes further down, will hold; another model begins with its own usual one."""
    before = f"{_key('network')}_model"
    if st.session_state.setdefault(before, model) != model:
        st.session_state[before] = model
        st.session_state[_key("network")] = preset(model).network
    asked = st.session_state.get(_key("network"))
    return asked if asked in registry.networks() else preset(model).network


def _choose_network(model: str) -> str:
    """The layers that the model is built with."""
    names = registry.networks()
    return _select("network", names, preset(model).network, {name: registry.network(name).words for name in names})


def _method_setting(setting: MethodSetting) -> Value:
    """The control of one setting of a method, with its own words. Raises ConfigError outside its bounds."""
    words, key = setting.words, _key(f"own_{setting.name}")
    title, helped = words.titled(language()), words.helped(language())
    if setting.choices:
        index = setting.choices.index(str(setting.default))
        names = dict(zip(setting.choices, setting.choice_words or ((c, c) for c in setting.choices), strict=True))

        def named(choice: str) -> str:
            return names[choice][language() == "zh"]

        chosen = st.selectbox(
            title, setting.choices, index=index, key=key, format_func=named, help=helped, bind="query-params"
        )
        return str(chosen)
    whole, bind = isinstance(setting.default, int), _bind(f"own_{setting.name}")
    given: float | None
    if whole:
        given = st.number_input(title, value=int(setting.default), step=1, key=key, help=helped, bind=bind)
    else:
        default = float(setting.default)
        given = st.number_input(title, value=default, format="%g", key=key, help=helped, bind=bind)
    value = float(setting.default if given is None else given)
    if not setting.low <= value <= setting.high:
        facts = {"field": title, "low": f"{setting.low:g}", "high": f"{setting.high:g}", "value": f"{value:g}"}
        raise ConfigError(t("train.out_of_range", **facts))
    return int(value) if whole else value


def _choose_label(info: DatasetInfo) -> str | None:
    """What the model is conditioned on: nothing, the class, or one of the data set's factors."""
    options = ("none", *(("class",) if info.classes else ()), *info.factors)
    if len(options) == 1:
        st.caption(t("train.no_labels"))
        return None
    chosen = _select("label", options, "none")
    return None if chosen == "none" else chosen
