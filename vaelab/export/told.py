"""What a file with a living decoder tells: facts of the model, examples, the map of its codes, and every word in both languages."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaelab import __version__, data
from vaelab.analysis import decoder_facts, latents, projections
from vaelab.config.errors import DataError
from vaelab.config.texts import LANGUAGES, Language, say, strings
from vaelab.data.catalog import REDISTRIBUTABLE
from vaelab.data.folder import PREFIX
from vaelab.data.spoken import label_title, value_names, word_of
from vaelab.images.palette import THEMES, contrast, surface, value_colours
from vaelab.models.presets import preset
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

if TYPE_CHECKING:
    from vaelab.export.one_file import Packed
    from vaelab.models.latent_model import LatentModel

DRAWS = 256  # at most, of a prior that only the whole model knows
POINTS = 1_000  # of the map
CODE_NUMBERS = 400_000  # of all points, and of all draws: 1.1 MB each
TOLD_APART = 10  # colours
SHEET = 256  # pictures in a sheet, 16 in a row, as map/points.js wants them
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """A model with all that its file is made of. draws: (n, Z) of a prior that is not N(0, I); points: the codes of the map."""

    run: Run
    cfg: RunConfig
    model: LatentModel
    facts: dict[str, Any]
    codes: decoder_facts.Codes
    points: latents.Codes | None
    draws: Floats | None

    @property
    def may_show(self) -> bool:
        """Whether the images of the data set may be passed on: their licence says so. A user's own never are."""
        return self.cfg.data.name in REDISTRIBUTABLE


def know(run: Run) -> Known:
    """Load and measure the newest weights of a run. Raises RunError, WeightsError."""
    from vaelab.analysis import inference

    cfg = run.config()
    model = inference.load_run(run)
    steps = run.snapshots()
    codes = decoder_facts.codes_of(run, cfg, steps[-1] if steps else None)
    tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    try:
        points: latents.Codes | None = latents.codes(latents.query(run, "test", POINTS))
    except DataError:
        points = None
    method = cfg.model.method
    facts = decoder_facts.model_facts(run, cfg, codes, tensors)
    draws = None
    if method.has_prior and not method.standard_prior and facts["levels"] is None:  # whose prior the file holds itself
        import torch

        n = min(DRAWS, CODE_NUMBERS // cfg.model.latent_dim)
        draws = model.sample_z(n, generator=torch.Generator().manual_seed(cfg.seed)).numpy()
    return Known(run, cfg, model, facts, codes, points, draws)


def told(known: Known, packed: Packed, *, pictures: bool = True) -> dict[str, Any]:
    """Everything about a model as plain JSON, as components/file/file.js reads it. pictures: whether the map has thumbnails."""
    facts, codes = known.facts, known.codes
    shown = decoder_facts.examples(codes, pictures=known.may_show)
    labels, directions = shown["labels"], decoder_facts.direction_rows(codes)
    return {
        "model": facts | {"draws": None if known.draws is None else _halves(known.draws), "active": False},
        "examples": {"pixels": shown["pixels"], "labels": labels, "codes": _halves(np.array(shown["mu"]))},
        "opening": {"z": shown["mu"][0] if shown["mu"] else facts["mean"], "label": labels[0] if labels else 0},
        "directions": {
            "vectors": _halves(np.array([row["vector"] for row in directions])),
            "counts": [{name: row[name] for name in ("with", "without")} for row in directions],
        },
        "map": _map(known, pictures=pictures and known.may_show),
        "command": f"import vaelab\nmodel = vaelab.load({known.run.name!r})\nmodel.decode(model.sample_z(1))",
        "words": {lang: _words(known, packed, lang) for lang in LANGUAGES},
    }


def _map(known: Known, *, pictures: bool) -> dict[str, Any] | None:
    """The plane of PCA with its points, their codes, labels with inks of both themes, and their pictures."""
    points = known.points
    if points is None or len(points) < 3 or not np.isfinite(points.mu).all():
        return None
    n = min(len(points), POINTS, max(3, CODE_NUMBERS // points.mu.shape[1]))
    mu = points.mu[:n]
    found = projections.pca(mu, 2)
    if found.points.shape[1] < 2:
        return None
    method = known.cfg.model.method
    given = None if points.y is None else [int(value) for value in points.y[:n]]
    return {
        "plane": _floats(np.concatenate([found.mean[None], found.directions])),
        "places": _floats(np.c_[found.points, np.zeros(n)]),
        "codes": _halves(mu),
        "origin": [float(value) for value in found.place(np.zeros((1, mu.shape[1])))[0]],
        "axes": [round(float(share), 4) for share in found.explained],
        "trust": round(projections.trust(mu, found.points), 4),
        "hasRings": method.has_posterior and method.has_prior and method.standard_prior,
        "given": given,
        "first": next((k for k, (_, names) in enumerate(points.labels.values()) if len(names) <= TOLD_APART), 0),
        "labels": [
            {
                "values": [int(value) for value in values[:n]],
                "inks": {theme: list(value_colours(names, theme)) for theme in THEMES},
                "pale": {
                    theme: any(contrast(i, surface("background", theme)) < 3.0 for i in value_colours(names, theme))
                    for theme in THEMES
                },
            }
            for values, names in points.labels.values()
        ],
        "sheets": [_sheet(points.pixels[k : min(n, k + SHEET)]) for k in range(0, n, SHEET)] if pictures else [],
    }


def _words(known: Known, packed: Packed, lang: Language) -> dict[str, Any]:
    """Every word of the file in one language."""
    cfg, facts = known.cfg, known.facts
    texts = {
        **strings("en", "decode_view"),
        **strings(lang, "decode_view"),
        **strings("en", "file"),
        **strings(lang, "file"),
    }
    label = cfg.model.label
    points = known.points
    labels = {} if points is None else points.labels
    worst = f"{max(packed.worst, 1e-6):.1g}"
    kind = preset(cfg.model.name).words
    source = _source(cfg, lang)
    return {
        "text": texts,
        "map": {**strings("en", "latent_map"), **strings(lang, "latent_map")},
        "sentence": say(
            lang,
            "file.sentence",
            kind=kind.titled(lang)[:1].upper() + kind.titled(lang)[1:],
            z=facts["size"],
            size=cfg.model.image_size,
            data=source["title"],
        ),
        "model": {
            "classes": decoder_facts.label_values(cfg, lang),
            "labelTitle": label_title(label, lang) if label else "",
        },
        "captions": decoder_facts.examples(known.codes, lang, pictures=known.may_show)["captions"],
        "directions": [row["name"] for row in decoder_facts.direction_rows(known.codes, lang)],
        "labels": [
            {"title": label_title(name, lang).capitalize(), "names": list(value_names(names, lang))}
            for name, (_, names) in labels.items()
        ],
        "weights": say(lang, f"file.weights_{packed.precision}", worst=worst),
        "notes": _notes(known, lang),
        "facts": _facts(known, lang, source),
    }


def _source(cfg: RunConfig, lang: Language) -> dict[str, str]:
    """Title, source and licence of the images that a model learned from."""
    try:
        info = data.info(cfg.data.name)
    except DataError:  # a person's folder that is gone: where it was is nobody else's business
        return {"title": PurePath(cfg.data.name.removeprefix(PREFIX)).name}
    return {"title": info.title, "source": word_of(info.source, lang), "licence": word_of(info.licence, lang)}


def _notes(known: Known, lang: Language) -> list[str]:
    """What the model cannot do, or does in another way than a VAE with the prior N(0, I): one sentence each."""
    cfg = known.cfg.model
    method = cfg.method
    upper = method.upper_level(cfg)
    notes = []
    if not method.has_prior:
        notes.append(say(lang, "file.note_no_prior"))
    if known.draws is not None:
        notes.append(say(lang, "file.note_drawn", n=len(known.draws)))
    if upper:
        notes.append(say(lang, "file.note_levels", last=upper - 1))
    if known.facts["codebook"]:
        notes.append(say(lang, "file.note_codes"))
    if cfg.label is not None:
        notes.append(say(lang, "file.note_label", label=label_title(cfg.label, lang)))
    if method.has_posterior and not method.head_is_code and not upper:
        notes.append(say(lang, "file.note_flow"))
    if known.points is None:
        notes.append(say(lang, "file.note_no_map"))
    elif not known.may_show:
        notes.append(say(lang, "file.note_decoded"))
    return [*notes, say(lang, "file.note_decoder")]


def _facts(known: Known, lang: Language, source: dict[str, str]) -> list[tuple[str, str]]:
    """Name and value of what stands under "About this model"."""
    cfg = known.cfg.model
    rows = [("name", known.run.name), ("model", f"{cfg.name} ({cfg.method.paper})")]
    rows.append(("data", source["title"]))
    rows += [(key, source[key]) for key in ("source", "licence") if key in source]
    if cfg.label is not None:
        rows.append(("label", label_title(cfg.label, lang)))
    test = (known.run.evaluation() or {}).get("test", {})
    if {"loss", "recon", "kl"} <= test.keys():
        figures = {name: f"{test[name]:,.1f}" for name in ("loss", "recon", "kl")}
        rows.append(("test", say(lang, "file.fact_test_value", **figures)))
    rows.append(("made", f"VAE Lab {__version__}"))
    return [(say(lang, f"file.fact_{key}"), value) for key, value in rows]


def _halves(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f2").tobytes()).decode()


def _floats(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _sheet(pixels: NDArray[np.uint8]) -> str:
    """Pictures (N, C, H, W) as one PNG, 16 in a row, as an address that holds its own content."""
    n, channels, high, wide = pixels.shape
    rows = -(-n // 16)
    sheet = np.zeros((rows * 16, channels, high, wide), np.uint8)
    sheet[:n] = pixels
    image = (
        sheet.reshape(rows, 16, channels, high, wide).transpose(0, 3, 1, 4, 2).reshape(rows * high, 16 * wide, channels)
    )
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if channels == 1 else image).save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
