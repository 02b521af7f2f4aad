"""A run directory and trained models that version 0.1 wrote: today's code reads them, measures the same and goes on with the training.

tests/data/run-0.1 is conv-vae on digits with two latent dimensions, stopped by version 0.1 at step 40 of 72 on one thread, less its earlier
snapshots and the facts of its process; run-0.1-figures.json is what version 0.1 made of it, and of the same training without a stop.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vaelab.analysis import inference
from vaelab.export.bundle import browser_bundle
from vaelab.models.architecture import architecture
from vaelab.runs import store
from vaelab.runs.files import read_arrays
from vaelab.workers import train_worker

DATA = Path(__file__).parent / "data"
FIGURES: dict[str, Any] = json.loads((DATA / "run-0.1-figures.json").read_text(encoding="utf-8"))
TERMS = ("recon", "kl", "loss", "floor")
CLOSE = 1e-4  # relative: other processors round otherwise


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Run:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    shutil.copytree(DATA / "run-0.1", tmp_path / "runs" / "run-0.1")
    return store.find("run-0.1")


def test_the_run_is_listed_and_read(run: store.Run) -> None:
    assert store.list_runs() == [run]
    cfg, status = run.config(), run.status()
    assert (cfg.version, cfg.model.name, cfg.model.latent_dim, cfg.model.channels) == ("0.1.0", "conv-vae", 2, 1)
    assert (status.state, status.step, status.total_steps) == ("stopped", 40, 72)
    assert run.metrics()[-1]["step"] == 40
    assert run.events()[0]["event"] == "start"
    assert run.fixed()["originals"].shape == (12, 1, 32, 32)
    assert run.snapshots() == [40]
    assert run.snapshot(40)["probe_mu"].shape[1] == 2
    assert (
        sum(a.size for n, a in read_arrays(run.model_file()).items() if not n.startswith("code_"))
        == architecture(cfg.model).params
    )


def test_the_run_measures_as_it_did(run: store.Run) -> None:
    found = inference.evaluate(run, device="cpu")
    for term in TERMS:
        assert found[term] == pytest.approx(FIGURES["stopped"][term], rel=CLOSE), term
    assert found["images"] == FIGURES["stopped"]["images"]


def test_a_snapshot_decodes_to_its_own_samples(run: store.Run) -> None:
    """The samples were drawn with the weights that are stored beside them."""
    stored = run.snapshot(40)
    model = inference.load_run(run)
    again = inference.decode(model, run.fixed()["sample_z"])
    np.testing.assert_allclose(again.astype(int), stored["samples"].astype(int), atol=1)
    assert browser_bundle(run.config().model, read_arrays(run.snapshot_file(40)), "decoder")


def test_the_training_goes_on_as_it_would_have(run: store.Run) -> None:
    """Rows and figures of version 0.1's own training without a stop."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        status = train_worker.run_here(run)
    finally:
        torch.set_num_threads(threads)
    assert (status.state, status.message) == ("finished", "")
    rows = {row["step"]: row for row in run.metrics() if row["step"] > 40}
    assert list(rows) == [row["step"] for row in FIGURES["rows"]]
    for expected in FIGURES["rows"]:
        assert {key: rows[expected["step"]][key] for key in expected} == pytest.approx(expected, rel=CLOSE)
    found = inference.evaluate(run, device="cpu")
    for term in TERMS:
        assert found[term] == pytest.approx(FIGURES["whole"][term], rel=CLOSE), term


def test_the_trained_models_encode_as_they_did() -> None:
    """Their figures are tried in tests/test_card.py; here the codes that version 0.1 stored beside the thumbnails."""
    tried = []
    for name in store.shipped():
        cfg = store.find(name).config().model
        with np.load(store.weights_root() / name / "latents.npz") as stored:
            if "thumbnails" not in stored:
                continue
            pixels, mu = stored["thumbnails"][:20], stored["mu"][:20]
            y = None if cfg.label is None else stored["labels" if cfg.label == "class" else f"factor_{cfg.label}"][:20]
        codes, _ = inference.encode(inference.load(name), pixels, y)
        np.testing.assert_allclose(codes, mu, rtol=CLOSE, atol=1e-4, err_msg=name)
        tried.append(cfg.name)
    assert {"autoencoder", "conv-vae"} <= set(tried)
