"""Lesson 7: the bound, its gap and its tightening against probabilistic PCA, scikit-learn and numerical integration."""

import numpy as np
import pytest
import torch

from vaelab.lessons.elbo_terms import both, kl_only, lanes, recon_only
from vaelab.lessons.importance import effective, estimates, log_evidence_on_grid, log_weights, vae_log_joint
from vaelab.lessons.ppca import (
    LinearGaussian,
    exact_elbo,
    exact_posterior,
    fit_ppca,
    kl_to_posterior,
    log_joint,
    log_likelihood,
)
from vaelab.lessons.small_images import PIXELS, small_digits
from vaelab.lessons.small_vae import SmallVae
from vaelab.ui.learn import elbo_bound
from vaelab.ui.learn.elbo_charts import bound_rows

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    images = small_digits()
    return images.train.astype(float), images.test.astype(float)


@pytest.mark.parametrize("latents", [1, 2, 8])
def test_probabilistic_pca_is_that_of_scikit_learn(digits, latents):
    from sklearn.decomposition import PCA

    train, test = digits
    ours = fit_ppca(train, latents)
    theirs = PCA(latents, svd_solver="full").fit(train)
    np.testing.assert_allclose(log_likelihood(ours, test), theirs.score_samples(test), rtol=1e-6)
    assert log_likelihood(ours, test).mean() == pytest.approx(theirs.score(test))
    covariance = ours.weights @ ours.weights.T + ours.noise * np.eye(64)
    np.testing.assert_allclose(covariance, theirs.get_covariance(), atol=1e-9)


def any_model(latents=3, pixels=5):
    rng = np.random.default_rng(1)
    return LinearGaussian(rng.normal(size=(pixels, latents)), rng.normal(size=pixels), 0.4), rng.normal(
        size=(4, pixels)
    )


def test_joint_posterior_and_evidence_agree():
    """Bayes: log p(x, z) - log p(z|x) is log p(x), at any z, with a W whose posterior is not diagonal."""
    model, x = any_model()
    mean, covariance = exact_posterior(model, x)
    z = np.random.default_rng(2).normal(size=(6, 3))
    for n in range(len(x)):
        q = torch.distributions.MultivariateNormal(torch.from_numpy(mean[n]), torch.from_numpy(covariance))
        difference = log_joint(model, x[n], z) - q.log_prob(torch.from_numpy(z)).numpy()
        np.testing.assert_allclose(difference, log_likelihood(model, x)[n], rtol=1e-9)


def test_the_gap_is_the_divergence_of_q_from_the_posterior():
    model, x = any_model()
    mean, covariance = exact_posterior(model, x)
    mu, sigma = mean + 0.3, np.array([0.2, 0.5, 1.1])
    gap = log_likelihood(model, x) - exact_elbo(model, x, mu, sigma)
    divergence = kl_to_posterior(mu, sigma, mean, covariance)
    np.testing.assert_allclose(gap, divergence, rtol=1e-9)
    assert (gap > 0).all()
    q = torch.distributions.MultivariateNormal(torch.from_numpy(mu[0]), torch.diag(torch.from_numpy(sigma**2)))
    p = torch.distributions.MultivariateNormal(torch.from_numpy(mean[0]), torch.from_numpy(covariance))
    assert divergence[0] == pytest.approx(float(torch.distributions.kl_divergence(q, p)))


def test_the_bound_is_tight_for_the_exact_posterior(digits):
    """At the solution of Tipping & Bishop the columns of W are orthogonal, so a diagonal q can be the posterior."""
    train, test = digits
    model = fit_ppca(train, 2)
    mean, covariance = exact_posterior(model, test)
    assert abs(covariance[0, 1]) < 1e-12
    sigma = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(exact_elbo(model, test, mean, sigma), log_likelihood(model, test), rtol=1e-9)
    eps = np.random.default_rng(0).standard_normal((3, 7, 2))
    weights = log_weights(lambda z: log_joint(model, test[0], z), mean[0], sigma, eps)
    np.testing.assert_allclose(weights, log_likelihood(model, test[:1])[0], rtol=1e-9)  # every draw: no variance at all


def test_importance_sampling_tightens_to_the_exact_answer(digits):
    train, test = digits
    model = fit_ppca(train, 2)
    mean, covariance = exact_posterior(model, test[:1])
    mu, sigma = mean[0] + np.sqrt(np.diag(covariance)), 1.3 * np.sqrt(np.diag(covariance))
    eps = np.random.default_rng(3).standard_normal((200_000, 2))
    weights = log_weights(lambda z: log_joint(model, test[0], z), mu, sigma, eps)
    truth, elbo = log_likelihood(model, test[:1])[0], exact_elbo(model, test[:1], mu[None], sigma)[0]
    found = [estimates(weights, k) for k in (1, 2, 4, 10, 32, 100, 1000)]
    averages = np.array([at.mean() for at in found])
    errors = [at.std(ddof=1) / np.sqrt(len(at)) for at in found]
    assert abs(averages[0] - elbo) < 4 * errors[0]
    assert elbo < truth - 1.0
    assert averages[-1] <= truth + 4 * errors[-1]
    assert truth - averages[-1] < 0.05
    assert (np.diff(averages) > 0).all()


def test_estimates_are_logs_of_the_means_of_groups():
    weights = np.log(np.array([1.0, 3.0, 8.0, 2.0, 2.0, 2.0, 7.0]))
    np.testing.assert_allclose(estimates(weights, 1), weights)
    np.testing.assert_allclose(estimates(weights, 3), np.log([4.0, 2.0]))  # the seventh makes no third group
    far = np.array([-2000.0, -2001.0, 900.0, 900.0])  # beyond what an exponential can hold
    np.testing.assert_allclose(estimates(far, 2), [np.logaddexp(-2000.0, -2001.0) - np.log(2.0), 900.0])


def test_the_curve_of_a_vae_begins_at_its_elbo(digits):
    """With one draw the estimate is the ELBO on average; the curve says so because both come from the same draws."""
    torch.manual_seed(0)
    model = SmallVae(PIXELS, 2).requires_grad_(False)
    weights = log_weights(vae_log_joint(model, digits[1][0]), np.ones(2), np.ones(2), elbo_bound._noise(2))
    rows = bound_rows(elbo_bound.by_draws(weights), truth=0.0, elbo=float(weights.mean()), chosen=10).set_index("kind")
    curve = rows.loc["bound"]
    assert list(curve["k"]) == list(elbo_bound.COUNTS)
    assert curve["value"].iloc[0] == pytest.approx(rows.loc["elbo", "value"])
    assert (np.diff(curve["value"]) > -0.01).all()
    assert rows.loc["chosen", "value"] == pytest.approx(estimates(weights, 10).mean())


def test_a_vae_agrees_with_its_integral_over_the_plane(digits):
    torch.manual_seed(0)
    model = SmallVae(PIXELS, 2)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.decoder[-1].weight.mul_(4.0)
    x = digits[1][0]
    joint = vae_log_joint(model, x)
    truth = log_evidence_on_grid(joint, np.zeros(2), np.ones(2))
    eps = np.random.default_rng(0).standard_normal((100_000, 2))
    found = estimates(log_weights(joint, np.zeros(2), np.ones(2), eps), 5000)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - truth) < 4 * error + 2e-3
    linear = fit_ppca(digits[0], 2)
    exact = log_likelihood(linear, x[None])[0]
    q = np.zeros(2), np.ones(2)
    assert log_evidence_on_grid(lambda z: log_joint(linear, x, z), *q) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("centre", [0.3, 9.0])
def test_a_narrow_posterior_and_one_beyond_the_prior_are_summed_too(centre):
    """p(x, z) of a Gaussian likelihood of width 0.01 around `centre`: the evidence is N(centre; 0, 1 + 0.01^2) in each dimension."""

    def joint(z):
        noise = ((z - centre) / 0.01) ** 2
        return (-0.5 * (z**2 + noise) - np.log(2 * np.pi * 0.01)).sum(axis=-1)

    variance = 1 + 0.01**2
    exact = 2 * (-0.5 * centre**2 / variance - 0.5 * np.log(2 * np.pi * variance))
    found = log_evidence_on_grid(joint, np.full(2, centre), np.full(2, 0.01))
    assert found == pytest.approx(exact, abs=1e-6)


def test_the_joint_of_a_vae_is_its_two_terms():
    from vaelab.models.losses import bernoulli_recon, log_normal

    model = SmallVae(PIXELS, 2)
    x, z = torch.rand(PIXELS), torch.randn(4, 2)
    with torch.no_grad():
        known = -bernoulli_recon(model.decode_logits(z), x.expand(4, -1)) + log_normal(z)
    np.testing.assert_allclose(vae_log_joint(model, x.numpy())(z.numpy()), known.numpy(), rtol=1e-5)


def test_each_lane_minimises_what_its_name_says():
    model, x, eps = SmallVae(PIXELS, 2), torch.rand(6, PIXELS), torch.randn(6, 2)
    whole, kl, recon = (terms(model, x, eps, 0.0) for terms in (both, kl_only, recon_only))
    assert kl.loss.item() == whole.kl.item()
    assert recon.loss.item() == whole.recon.item()
    assert whole.loss.item() == pytest.approx(kl.loss.item() + recon.loss.item())
    assert [lane.name for lane in lanes()] == ["kl_only", "recon_only", "both"]
    recon.loss.backward()
    torch.testing.assert_close(recon.kl.item(), whole.kl.item())


def test_what_no_slider_moves_is_computed_once(monkeypatch):
    monkeypatch.setattr(elbo_bound.st, "session_state", {})
    computed = []

    def compute():
        computed.append(1)
        return len(computed)

    assert [elbo_bound.remembered("place", state, compute) for state in ((1,), (1,), (2,), (1,))] == [1, 1, 2, 3]
    assert elbo_bound.remembered("elsewhere", (1,), compute) == 4


def test_effective_draws_count_weights_that_count():
    assert effective(np.zeros(12), 4) == pytest.approx(4.0)
    assert effective(np.array([900.0, 0.0, -900.0, 0.0]), 4) == pytest.approx(1.0)
    w = np.array([1.0, 2.0, 3.0])
    assert effective(np.log(w), 3) == pytest.approx(w.sum() ** 2 / (w**2).sum())


@pytest.mark.parametrize(("shift", "width", "trusted"), [(3.0, 0.3, False), (2.0, 1.0, False), (1.0, 1.0, True)])
def test_a_confident_estimate_that_is_wrong_is_not_claimed(monkeypatch, shift, width, trusted):
    """At shift 3 and width 0.3 the mean of eight estimates lies 7 nats below log p(x), with an error of 0.2."""
    monkeypatch.setattr(elbo_bound.st, "session_state", {"elbo_shift": shift, "elbo_width": width})
    answer = elbo_bound.linear(0)
    at = answer.found[elbo_bound.LARGEST]
    error = at.std(ddof=1) / np.sqrt(len(at))
    assert answer.is_trusted == trusted
    assert (answer.truth - at.mean() > 4 * error) != trusted
    said = elbo_bound.claimed(at.mean(), error, answer.is_trusted)
    assert ("±" in said) == trusted
    assert ("≥" in said) != trusted  # which is true on average, whatever q is
