"""Three kinds of models of the same labelled points of a plane, and Bayes' rule, which builds each from the other two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import DataError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

PARTS = 2  # Gaussians of a class; p(x) gets as many as all classes together
ENOUGH = 3  # points of a class: fewer say nothing of its spread
SMALLEST_VARIANCE = 0.02  # plane units squared: a Gaussian on two equal points would have none
SMALLEST_DENSITY = float(np.finfo(np.float64).tiny)  # below it a float has no digits left to divide by


class Mixture(Protocol):
    """What we use of sklearn.mixture.GaussianMixture."""

    weights_: Array  # (K,)
    means_: Array  # (K, D)
    covariances_: Array  # (K, D, D)

    def __hash__(self) -> int:
        """It is told from others by what it is, not by what it holds."""

    def score_samples(self, x: Array) -> Array:
        """Log density at x: (N, D) -> (N,) nats."""

    def predict_proba(self, x: Array) -> Array:
        """Share of each Gaussian in the density at x: (N, D) -> (N, K)."""


@dataclass(frozen=True, eq=False)  # told from others by what it is, as its mixtures are: answers are kept by it
class Kinds:
    """discriminative: p(y|x), LogisticRegression; generative: p(x); conditional: p(x|y) of each class; priors: p(y), (C,).

    joint: the mixture of all the classes' Gaussians, p(x) of the joint p(x|y) p(y).
    """

    discriminative: Any
    generative: Mixture
    conditional: tuple[Mixture, ...]
    priors: Array
    joint: Mixture


@dataclass(frozen=True)
class Sides:
    """Densities at N points for both sides of Bayes' rule. posterior: p(y|x), (N, C); evidence: p(x), (N,); likelihood: p(x|y), (N, C)."""

    posterior: Array
    evidence: Array
    likelihood: Array


def fit_kinds(points: Array, labels: Labels, classes: int = 2) -> Kinds:
    """Fit all three with scikit-learn. points: (N, 2) plane units; labels: (N,) classes from 0.

    Raises DataError when a class has fewer than three points.
    """
    from sklearn.linear_model import LogisticRegression

    of_class = [points[labels == k] for k in range(classes)]
    for k, mine in enumerate(of_class):
        if len(mine) < ENOUGH:
            raise DataError(f"class {'AB'[k]} must have at least {ENOUGH} points, got {len(mine)} (click to add some)")
    conditional = tuple(fit_mixture(mine, PARTS) for mine in of_class)
    priors = np.array([len(mine) / len(points) for mine in of_class])
    return Kinds(
        discriminative=LogisticRegression().fit(points, labels),
        generative=fit_mixture(points, PARTS * classes),
        conditional=conditional,
        priors=priors,
        joint=join(conditional, priors),
    )


def fit_mixture(points: Array, parts: int) -> Mixture:
    """A mixture of Gaussians fitted by EM, with fewer Gaussians where there are few points. points: (N, D)."""
    from sklearn.mixture import GaussianMixture

    parts = max(1, min(parts, len(points) // ENOUGH))
    fitted: Mixture = GaussianMixture(parts, reg_covar=SMALLEST_VARIANCE, random_state=0).fit(points)
    return fitted


def join(conditional: tuple[Mixture, ...], priors: Array) -> Mixture:
    """All the classes' Gaussians in one mixture, each with its weight times p(y): its density is p(x) = sum of p(x|y) p(y)."""
    from sklearn.mixture import GaussianMixture

    whole = GaussianMixture(sum(len(part.weights_) for part in conditional))
    whole.weights_ = np.concatenate([p * part.weights_ for p, part in zip(priors, conditional, strict=True)])
    whole.means_ = np.concatenate([part.means_ for part in conditional])
    whole.covariances_ = np.concatenate([part.covariances_ for part in conditional])
    whole.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(whole.covariances_)).transpose(0, 2, 1)
    joined: Mixture = whole
    return joined


def one_joint(kinds: Kinds, x: Array) -> Sides:
    """The three distributions of one joint, each asked for by itself. x: (N, 2)."""
    owner = np.repeat(np.arange(len(kinds.priors)), [len(part.weights_) for part in kinds.conditional])
    shares = kinds.joint.predict_proba(x)
    return Sides(
        posterior=np.stack([shares[:, owner == k].sum(axis=1) for k in range(len(kinds.priors))], axis=1),
        evidence=np.exp(kinds.joint.score_samples(x)),
        likelihood=np.exp(np.stack([part.score_samples(x) for part in kinds.conditional], axis=1)),
    )


def apart(kinds: Kinds, x: Array) -> Sides:
    """What three models that were fitted apart answer, minus what the one joint answers. x: (N, 2).

    Logistic regression for p(y|x), the mixture without labels for p(x), and Bayes' rule on these two for p(x|y).
    """
    joint = one_joint(kinds, x)
    posterior = np.asarray(kinds.discriminative.predict_proba(x))
    evidence = np.exp(kinds.generative.score_samples(x))
    return Sides(
        posterior=posterior - joint.posterior,
        evidence=evidence - joint.evidence,
        likelihood=posterior * evidence[:, None] / kinds.priors - joint.likelihood,
    )


def bayes(given: Sides, priors: Array) -> Sides:
    """Each distribution built from the other two by Bayes' rule. priors: p(y), (C,).

    So far away that p(x) is no number any more, p(y|x) stays as it is given.
    """
    joint, evidence = given.likelihood * priors, given.evidence[:, None]
    return Sides(
        posterior=np.divide(joint, evidence, out=given.posterior.copy(), where=evidence >= SMALLEST_DENSITY),
        evidence=joint.sum(axis=1),
        likelihood=given.posterior * given.evidence[:, None] / priors,
    )


def differences(given: Sides, priors: Array) -> Sides:
    """Left side minus right side of Bayes' rule, pointwise."""
    built = bayes(given, priors)
    return Sides(
        posterior=given.posterior - built.posterior,
        evidence=given.evidence - built.evidence,
        likelihood=given.likelihood - built.likelihood,
    )


def rank(kinds: Kinds, points: Array, x: Array) -> float:
    """The share of the points that p(x) finds less likely than x: 0 for an outlier. points: (N, 2); x: (2,)."""
    mine = kinds.generative.score_samples(x[None])[0]
    return float((kinds.generative.score_samples(points) < mine).mean())
