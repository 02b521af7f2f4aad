"""What the Decode page tells its component about a model, as plain JSON: facts, examples, directions, code."""

from __future__ import annotations

from typing import Any

from vaelab.analysis.decoder_facts import codes_of, direction_rows, examples, model_facts, newest_weights
from vaelab.config.errors import WeightsError
from vaelab.runs.store import Run
from vaelab.ui.error_text import in_words
from vaelab.ui.source import source_of
from vaelab.ui.text import language, t

# What the pipeline shows and which of its lines light up with which node: (module, definition, {node: part of a line}).
CODE: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("models.latent_model", "LatentModel.encode", {"x": "self.features(x)", "encoder": "self.head("}),
    ("models.methods.vae", "Vae.posterior", {"mu": "mu, logvar =", "logvar": "mu, logvar ="}),
    ("models.posteriors", "GaussianPosterior.sigma", {"sigma": "torch.exp("}),
    ("models.posteriors", "GaussianPosterior.sample", {"eps": "eps = torch.randn", "z": "self.sigma * eps"}),
    ("models.latent_model", "LatentModel.decode_logits", {"decoder": "self.decoder[:-1]"}),
    ("models.latent_model", "LatentModel.decode", {"xhat": "torch.sigmoid("}),
    ("models.losses", "kl_per_dim", {"kl": "return 0.5"}),
)  # fmt: skip
RECON_CODE = {
    "bernoulli": ("models.losses", "bernoulli_recon", {"recon": "binary_cross_entropy"}),
    "gaussian": ("models.losses", "gaussian_recon", {"recon": "error / ("}),
}


def code_blocks(likelihood: str) -> list[dict[str, Any]]:
    """The functions that the pipeline runs, from their files, with the lines of each node."""
    blocks = []
    for module, name, marks in (*CODE, RECON_CODE[likelihood]):
        lines = source_of(module, name).splitlines()
        found = {node: [k for k, line in enumerate(lines) if part in line] for node, part in marks.items()}
        blocks.append({"title": f"vaelab.{module}.{name}", "lines": lines, "marks": found})
    return blocks


def component_spec(run: Run, other: Run | None = None) -> dict[str, Any]:
    """Everything about a run, and about the model beside it, that the component shows; addresses and words come elsewhere."""
    cfg = run.config()
    tensors, step = newest_weights(run)
    codes = codes_of(run, cfg, step)
    facts = model_facts(run, cfg, codes, tensors, language())
    return {
        "model": facts,
        "examples": examples(codes, language()),
        "directions": direction_rows(codes, language()),
        "code": code_blocks(facts["loss"]["likelihood"]),
        "other": None if other is None else _beside(other, facts),
    }


def _beside(run: Run, first: dict[str, Any]) -> dict[str, Any]:
    """Facts of the model that stands beside the first, with one sentence on what to look for; why not where it has no weights."""
    cfg = run.config()
    try:
        tensors, step = newest_weights(run)
    except WeightsError as error:
        return {"refused": in_words(str(error))}
    facts = model_facts(run, cfg, codes_of(run, cfg, step), tensors, language())
    kinds = {first["variational"], facts["variational"]}
    if kinds == {True, False}:
        sentence = t("decode.side_holes")
    else:
        sentence = t("decode.side_vaes" if first["variational"] else "decode.side_autoencoders")
    return facts | {"sentence": sentence, "active": run.status().is_active}
