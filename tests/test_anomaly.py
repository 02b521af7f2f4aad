"""The anomaly score: its terms against the definition, percentiles, AUROC against known answers, and the card."""

import numpy as np
import pytest
import torch
from trained import write_model

from vaelab import data
from vaelab.analysis import anomaly, inference, uses
from vaelab.analysis.anomaly import Reference, Scores
from vaelab.config.errors import ConfigError
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import build
from vaelab.models.losses import kl_divergence, recon_loss
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig

BERNOULLI = LossConfig()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build(ModelConfig(name="conv-vae", latent_dim=3, channels=1)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pixels():
    return data.load("digits").test.pixels[:5]


def test_a_score_is_the_mean_of_its_draws_plus_kl(model, pixels):
    scores = anomaly.score(model, pixels, None, BERNOULLI)
    x = torch.from_numpy(pixels).float() / 255
    q = model.encode(x)
    recon = [
        recon_loss(model.decode_logits(q.mu + q.sigma * torch.from_numpy(e)), x, BERNOULLI)
        for e in anomaly.fixed_draws(3)
    ]
    np.testing.assert_allclose(scores.recon, torch.stack(recon).mean(dim=0), rtol=1e-5)
    np.testing.assert_allclose(scores.kl, kl_divergence(q.mu, q.logvar), rtol=1e-5)
    np.testing.assert_allclose(scores.bound, scores.recon + scores.kl)
    entropy = torch.distributions.Bernoulli(x.double()).entropy().flatten(1).sum(dim=1)
    np.testing.assert_allclose(scores.floor, entropy, rtol=1e-4)
    np.testing.assert_allclose(scores.excess, scores.recon + scores.kl - scores.floor)


def test_an_image_has_the_same_score_alone_and_among_others(model, pixels):
    together, alone = anomaly.score(model, pixels, None, BERNOULLI), anomaly.score(model, pixels[3:4], None, BERNOULLI)
    assert alone.bound[0] == pytest.approx(together.bound[3], rel=1e-6)


def test_draws_cancel_in_pairs():
    draws = anomaly.fixed_draws(7)
    assert draws.shape == (anomaly.DRAWS, 7)
    np.testing.assert_array_equal(draws[:2], -draws[2:])


def test_an_autoencoder_has_no_kl():
    torch.manual_seed(0)
    model = build(ModelConfig(name="autoencoder")).eval()
    x = data.load("digits", channels=3).test.pixels[:2]
    scores = anomaly.score(model, x, None, BERNOULLI)
    unit = torch.from_numpy(x).float() / 255
    z = model.encode(unit).mu
    assert not scores.kl.any()
    np.testing.assert_allclose(scores.recon, recon_loss(model.decode_logits(z), unit, BERNOULLI).detach(), rtol=1e-5)


@pytest.mark.parametrize(("value", "share"), [(0, 0), (10, 0), (20, 25), (25, 37.5), (50, 100), (60, 100)])
def test_percentile_of_five_values(value, share):
    assert anomaly.percentile(value, [10, 20, 30, 40, 50]) == pytest.approx(share)


@pytest.mark.parametrize(
    ("inside", "outside", "area"),
    [
        ([1, 2, 3], [4, 5], 1.0),
        ([4, 5], [1, 2, 3], 0.0),
        ([1, 2], [1, 2], 0.5),
        ([1, 3], [2, 4], 0.75),
        ([5], [5, 6], 0.75),
    ],
)
def test_auroc_by_hand(inside, outside, area):
    assert anomaly.auroc_of(np.array(inside, float), np.array(outside, float)) == pytest.approx(area)


def test_auroc_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    inside, outside = rng.normal(size=200).round(1), rng.normal(0.7, size=90).round(1)  # rounded: there are ties
    truth = np.r_[np.zeros(200), np.ones(90)]
    assert anomaly.auroc_of(inside, outside) == pytest.approx(roc_auc_score(truth, np.r_[inside, outside]), abs=1e-12)


def test_a_card_gives_the_same_percentiles_as_the_scores(tmp_path):
    rng = np.random.default_rng(1)
    scores = Scores(rng.normal(100, 10, 500), rng.gamma(4, 2, 500), rng.normal(60, 5, 500))
    shares = np.linspace(0, 1, anomaly.QUANTILES)
    quantiles = {term: list(np.quantile(getattr(scores, term), shares)) for term in anomaly.TERMS}
    card = Reference.from_card({"anomaly": {"images": 500, "quantiles": quantiles}})
    whole = Reference.of(scores)
    assert card.images == whole.images == 500
    for value in (85.0, 100.0, 117.0):
        assert card.percentile("recon", value) == pytest.approx(whole.percentile("recon", value), abs=0.7)


@pytest.mark.parametrize(
    "broken", [None, {}, {"anomaly": {}}, {"anomaly": {"images": 3, "quantiles": {"recon": [2, 1]}}}]
)
def test_a_card_without_usable_quantiles_says_nothing(broken):
    assert Reference.from_card(broken) is None


@pytest.fixture
def run(tmp_path, model):
    """An untrained model on disk: enough for what is measured."""
    cfg = RunConfig.from_dict({"data": {"name": "digits"}, "model": model.cfg.to_dict()})
    return write_model(tmp_path / "r", cfg, model)


def test_auroc_of_a_set_with_itself_is_a_half(run):
    assert anomaly.auroc(run, "digits", "digits", limit=20) == 0.5


def test_what_the_card_keeps(run):
    found = anomaly.for_card(run, limit=30)
    assert found["images"] == 30
    assert "against" not in found  # digits have no counterpart
    ordered = found["quantiles"][anomaly.SCORE]
    assert len(ordered) == anomaly.QUANTILES
    assert ordered == sorted(ordered)
    assert Reference.from_card({"anomaly": found}).images == 30


def test_a_conditional_model_cannot_be_asked_about_another_set(tmp_path):
    cfg = RunConfig.from_dict(
        {"data": {"name": "digits"}, "model": {"channels": 1, "label": "class", "classes": 10, "latent_dim": 2}}
    )
    run = store.create_run(cfg, path=tmp_path / "r")
    model = build(cfg.model).eval()
    with pytest.raises(ConfigError, match="without a label"):
        anomaly.dataset_scores(run, model, "fashion-mnist-10k")
    assert len(anomaly.dataset_scores(run, model, limit=3)) == 3
    assert uses.labels(4, 2).tolist() == [4, 4]


def test_what_lies_above_the_floor_finds_what_pixel_entropy_hides():
    """For photographs of ten other things a boot is strange and flat grey is not; the raw term says the opposite."""
    run = store.find("cifar10-autoencoder")
    card, model = Reference.from_card(run.evaluation()), inference.load_run(run)
    clothes = data.load("fashion-mnist-10k", image_size=32, channels=3).test
    boots = clothes.pixels[clothes.labels == 9][:50]
    grey = np.full((1, 3, 32, 32), 128, dtype=np.uint8)
    ranks = {}
    for name, images in (("boots", boots), ("grey", grey)):
        scores = anomaly.score(model, images, None, run.config().loss)
        for term in ("recon", anomaly.SCORE):
            ranks[name, term] = np.median([card.percentile(term, value) for value in getattr(scores, term)])
    assert ranks["boots", "recon"] < 1
    assert ranks["boots", anomaly.SCORE] > 90
    assert ranks["grey", "recon"] > 99
    assert ranks["grey", anomaly.SCORE] < 1


@pytest.mark.parametrize(("name", "raw"), [("mnist-conv-vae", 0.99), ("fashion-conv-vae", 0.4)])
def test_the_cards_tell_both_sets_apart_in_both_directions(name, raw):
    """The raw bound works one way round alone: whichever set a model knows, it finds clothes stranger than digits."""
    areas = store.find(name).evaluation()["anomaly"]["against"]["auroc"]
    assert areas[anomaly.SCORE] > 0.97
    assert (areas["bound"] > 0.99) == (raw > 0.5)
    assert areas["bound"] > 0.99 or areas["bound"] < raw
