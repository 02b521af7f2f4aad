"""How well single latent dimensions name the known factors of images: MIG, DCI, SAP and the FactorVAE score.

All from mean codes, as Locatello et al. 2019 ("Challenging common assumptions", section 3) compare them. None of them looks at images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis import latents
from vaelab.config.errors import DataError
from vaelab.images.palette import is_ordered
from vaelab.runs.store import Run

Codes = NDArray[Any]  # (N, Z)
Factors = Mapping[str, NDArray[np.int64]]  # name -> (N,) value indices

BINS = 20  # of a latent dimension, equally wide: Locatello et al. 2019, appendix C
VOTES, VOTERS = 800, 64  # groups of images with one factor fixed, and images in a group: Kim & Mnih 2018, appendix B
TREES, DEPTH = 12, 10  # of a forest: with 30 whole trees the scores differ by 0.01 and take three times as long
COUNT = 2_000  # images that `scores` measures
LEAST = 40  # images: with fewer a score means nothing


@dataclass(frozen=True)
class Scores:
    """Each from 0 to 1, 1 for a code with one dimension for each factor.

    mig: gap between the two dimensions that tell most about a factor; disentanglement: how little a dimension mixes factors;
    completeness: how few dimensions a factor takes; informativeness: accuracy of guessing a factor from the whole code;
    sap: gap between the two best single-dimension guesses; factor_vae: accuracy of the majority vote.
    """

    mig: float
    disentanglement: float
    completeness: float
    informativeness: float
    sap: float
    factor_vae: float


def known_factors(run: Run) -> dict[str, tuple[str, ...]]:
    """The factors of the run's images and the names of their values. Raises DataError where none are known."""
    from vaelab import data

    found = dict(data.info(run.config().data.name).factors)
    if not found:
        raise DataError(f"{run.config().data.name} has no known factors (take shapes or pixel-faces)")
    return found


def scores(run: Run, split: latents.Split = "test", count: int = COUNT, seed: int = 0) -> Scores:
    """All scores of a run on the first images of a split. Raises DataError without known factors, WeightsError without weights."""
    names = known_factors(run)
    known = latents.codes(latents.query(run, split, count))
    return scores_of(known.mu, {name: known.labels[name] for name in names if name in known.labels}, seed)


def scores_of(mu: Codes, labels: Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]], seed: int = 0) -> Scores:
    """All scores of codes (N, Z). labels: factor -> ((N,) value indices, names of the values). Raises DataError for too few images."""
    factors = {name: values for name, (values, _) in labels.items() if len(np.unique(values)) > 1}
    if len(mu) < LEAST or not factors:
        raise DataError(
            f"the scores need at least {LEAST} images with a factor that varies, got {len(mu)} images and {len(factors)} factors"
        )
    ordered = {name for name in factors if is_ordered(labels[name][1])}
    table, accuracy = importances(mu, factors, seed)
    disentanglement, completeness = dci(table)
    return Scores(
        mig=mig(mutual_information(mu, factors), factors),
        disentanglement=disentanglement,
        completeness=completeness,
        informativeness=accuracy,
        sap=sap(mu, factors, ordered, seed),
        factor_vae=factor_vae(mu, factors, seed),
    )


def mutual_information(mu: Codes, factors: Factors, bins: int = BINS) -> NDArray[np.float64]:
    """(Z, K) nats: what a dimension, cut into equally wide bins, tells about a factor. mu: (N, Z)."""
    table = np.zeros((mu.shape[1], len(factors)))
    for z, column in enumerate(mu.T):
        low, high = float(column.min()), float(column.max())
        cut = np.zeros(len(column), dtype=np.int64)
        if high > low:
            cut = np.minimum(((column - low) / (high - low) * bins).astype(np.int64), bins - 1)
        for k, values in enumerate(factors.values()):
            table[z, k] = _information(cut, values)
    return table


def _information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    joint = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(joint, (a, b), 1.0 / len(a))
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    here = joint > 0
    return float((joint[here] * np.log(joint[here] / apart[here])).sum())


def entropy(values: NDArray[np.int64]) -> float:
    """H of value indices, nats."""
    shares = np.bincount(values) / len(values)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def mig(information: NDArray[np.float64], factors: Factors) -> float:
    """Mean over factors of (largest - second largest information) / H(factor). information: (Z, K). Chen et al. 2018, equation 6."""
    best = np.sort(information, axis=0)[::-1]
    second = best[1] if len(best) > 1 else np.zeros(information.shape[1])
    return float(np.mean([(best[0][k] - second[k]) / entropy(values) for k, values in enumerate(factors.values())]))


def importances(mu: Codes, factors: Factors, seed: int = 0) -> tuple[NDArray[np.float64], float]:
    """(Z, K) how much a forest of trees uses each dimension to guess each factor, and its mean accuracy on the other half.

    Eastwood & Williams 2018, section 2, with a random forest for each factor.
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = _halves(len(mu), seed)
    table, right = np.zeros((mu.shape[1], len(factors))), []
    for k, values in enumerate(factors.values()):
        forest = RandomForestClassifier(
            n_estimators=TREES,
            max_depth=DEPTH,
            max_features=None,  # a tree that must choose among few dimensions uses those that say nothing
            min_samples_leaf=2,
            random_state=seed,
            n_jobs=1,
        )
        forest.fit(mu[train], values[train])
        table[:, k] = forest.feature_importances_
        right.append(float(forest.score(mu[test], values[test])))
    return table, float(np.mean(right))


def dci(table: NDArray[np.float64]) -> tuple[float, float]:
    """(disentanglement, completeness) of importances (Z, K), weighted by their sums. Eastwood & Williams 2018, section 2."""
    return _concentration(table), _concentration(table.T)


def _concentration(rows: NDArray[np.float64]) -> float:
    """One less the entropy of each row, in its own base, averaged with the weight of the row's sum; 0 for an empty table."""
    total = rows.sum()
    if total <= 0.0 or rows.shape[1] < 2:
        return float(total > 0.0)
    sums = rows.sum(axis=1)
    shares = rows[sums > 0] / sums[sums > 0, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return float(((1.0 + (shares * logs).sum(axis=1) / np.log(rows.shape[1])) * sums[sums > 0] / total).sum())


def sap(mu: Codes, factors: Factors, ordered: set[str], seed: int = 0) -> float:
    """Mean over factors of the gap between the two best dimensions. Kumar et al. 2018, section 3.

    A dimension's score is the squared correlation for a factor in `ordered`, else the accuracy of a linear classifier on the other
    half: the value with the nearest mean, as linear discriminants with equal priors have it in one dimension.
    """
    train, test = _halves(len(mu), seed)
    gaps = []
    for name, values in factors.items():
        scored = _correlation(mu, values) if name in ordered else _nearest_mean(mu, values, train, test)
        best = np.sort(scored)[::-1]
        gaps.append(best[0] - (best[1] if len(best) > 1 else 0.0))
    return float(np.mean(gaps))


def _correlation(mu: Codes, values: NDArray[np.int64]) -> NDArray[np.float64]:
    """(Z,) squared correlation of each dimension with the value; 0 for one that is constant."""
    x, y = mu - mu.mean(axis=0), values - values.mean()
    power = (x**2).sum(axis=0) * (y**2).sum()
    shared = (x * y[:, None]).sum(axis=0) ** 2
    return np.asarray(np.divide(shared, power, out=np.zeros(mu.shape[1]), where=power > 0))


def _nearest_mean(
    mu: Codes, values: NDArray[np.int64], train: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(Z,) share of test images whose value has the nearest mean, in each dimension alone."""
    present = np.unique(values[train])
    means = np.stack([mu[train][values[train] == value].mean(axis=0) for value in present])  # (V, Z)
    guessed = present[np.abs(mu[test][:, None] - means[None]).argmin(axis=1)]
    return np.asarray((guessed == values[test][:, None]).mean(axis=0))


def factor_vae(mu: Codes, factors: Factors, seed: int = 0) -> float:
    """Accuracy of telling which factor was fixed in a group of images from the dimension that varies least there.

    mu: (N, Z). Variances are relative to those of all images; dimensions that hardly vary are left out. Kim & Mnih 2018, section 3.
    """
    random = np.random.default_rng(seed)
    variance = mu.var(axis=0)
    used = np.flatnonzero(variance > latents.USED_VARIANCE)
    if not len(used):
        return 0.0
    scaled = mu[:, used] / np.sqrt(variance[used])
    names = list(factors)
    votes = np.zeros((2, len(used), len(names)), dtype=np.int64)  # to train and to test
    for vote in range(VOTES):
        k = int(random.integers(len(names)))
        values = factors[names[k]]
        rows = np.flatnonzero(values == values[random.integers(len(values))])
        group = scaled[random.choice(rows, VOTERS)]
        votes[vote % 2, int(group.var(axis=0).argmin()), k] += 1
    winner = votes[0].argmax(axis=1)
    return float(votes[1][np.arange(len(used)), winner].sum() / votes[1].sum())


def _halves(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(count)
    return order[: count // 2], order[count // 2 :]
