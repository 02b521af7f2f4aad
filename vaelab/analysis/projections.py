"""Latent spaces on a plane: PCA, t-SNE, alignment, how far a map can be trusted, and new points on an old map.

`pca_plane` and `align` need numpy alone, because the live views call them at every tick; scikit-learn and openTSNE
are imported by the functions that use them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Report = Callable[[Array, int, int], bool]  # (points so far (N, 2), rounds done, rounds in all) -> whether to go on

PERPLEXITY = 30.0
ROUNDS = 500  # after the early exaggeration; scikit-learn's default is 750
EARLY_ROUNDS = 125
EARLY_EXAGGERATION = (
    12.0  # van der Maaten & Hinton 2008, section 3.4, with the value that scikit-learn and openTSNE take
)
REPORT_EVERY = 10  # rounds
CORE = 500  # codes of which a first map is made, when there are at least four times as many
CORE_ROUNDS = (50, 100)  # with early exaggeration, then without
FAST_GRADIENT_FROM = 3_000  # points: below, Barnes-Hut's gradient costs less than the interpolated one (FIt-SNE)
TRUST_NEIGHBOURS = 10
TRUST_SAMPLE = 2_000  # the measure needs all pairs of distances


@dataclass(frozen=True)
class Projection:
    """A linear map: places (M, K) = (z - mean) directions^T, in latent units. mean: (Z,); directions: (K, Z), orthonormal, K up to 3."""

    mean: Array
    directions: Array

    def place(self, z: Array) -> Array:
        """(M, Z) codes at their places, (M, K)."""
        return np.asarray((z - self.mean) @ self.directions.T)

    def turned(self, turn: Array) -> Projection:
        """The same plane with its places turned or mirrored, places @ turn. turn: (K, K), orthonormal."""
        return Projection(self.mean, turn.T @ self.directions)


def pca_plane(mu: Array) -> Array:
    """The two directions of largest variance. mu: (P, Z), Z >= 2 -> (P, 2), latent units, about the mean of mu.

    The largest entry of each direction is positive, so that the same mu always gives the same picture. Two latent
    dimensions are shown as they are.
    """
    return plane_of(mu).place(mu)


def plane_of(mu: Array) -> Projection:
    """How `pca_plane` places codes."""
    if mu.shape[1] == 2:
        return Projection(np.zeros(2), np.eye(2))
    mean = mu.mean(axis=0)
    _, _, directions = np.linalg.svd((mu - mean).astype(float), full_matrices=False)
    plane = directions[:2]
    signs = np.sign(plane[np.arange(len(plane)), np.abs(plane).argmax(axis=1)])
    return Projection(mean, plane * np.where(signs == 0, 1.0, signs)[:, None])


@dataclass(frozen=True)
class Pca:
    """points: (N, K) in latent units about the mean; explained: (K,) shares of the variance; directions: (K, Z); mean: (Z,)."""

    points: Array
    explained: Array
    directions: Array
    mean: Array

    def place(self, mu: Array) -> Array:
        """Other codes in the same picture. (M, Z) -> (M, K)."""
        return np.asarray((mu - self.mean) @ self.directions.T)


def pca(mu: Array, dims: int = 2) -> Pca:
    """Principal components of codes by scikit-learn. mu: (N, Z) with N >= 2; dims is cut to what N and Z allow.

    As in `pca_plane`, the largest entry of each direction is positive.
    """
    from sklearn.decomposition import PCA

    # Of more codes than numbers the few largest eigenvalues of the covariance say the same in a tenth of the time.
    solver = "covariance_eigh" if mu.shape[0] > mu.shape[1] else "full"
    fitted = PCA(min(dims, *mu.shape), svd_solver=solver).fit(np.asarray(mu, dtype=float))
    directions = fitted.components_
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    directions = directions * np.where(signs == 0, 1.0, signs)[:, None]
    return Pca((mu - fitted.mean_) @ directions.T, fitted.explained_variance_ratio_, directions, fitted.mean_)


def align(points: Array, reference: Array) -> Array:
    """points turned and mirrored, never stretched, to lie closest to reference. Both (P, 2), row k the same image."""
    return np.asarray(points @ turn_to(points, reference))


def turn_to(points: Array, reference: Array) -> Array:
    """How `align` turns them, (2, 2).

    Orthogonal Procrustes: R = U V^T of the SVD of points^T reference (Schönemann 1966). Keeps a picture that is
    computed anew at every tick from spinning or flipping.
    """
    u, _, vt = np.linalg.svd(points.T @ reference)
    return np.asarray(u @ vt)


def tsne_plane(mu: Array, *, report: Report | None = None, perplexity: float = PERPLEXITY, seed: int = 0) -> Array:
    """t-SNE of codes by openTSNE, in one thread. mu: (N, Z), N >= 4 -> (N, 2).

    report is shown the map as it improves, every 10 rounds, and stops the work by answering False: what there is then
    comes back. Many codes begin as a map of a sample, into which the others are placed: it comes after a second or two
    and keeps the large structure in order (Kobak & Berens 2019).
    """
    from openTSNE import initialization

    total = EARLY_ROUNDS + ROUNDS
    if len(mu) < 4 * CORE:
        start = initialization.pca(mu, random_state=seed)
    else:
        core = np.random.default_rng(seed).permutation(len(mu))[:CORE]
        first = initialization.pca(mu[core], random_state=seed)
        first, _ = _optimise(mu[core], first, perplexity, seed, CORE_ROUNDS, lambda *_: True)
        start = _among(mu, mu[core], first, seed)
        if report is not None and not report(start, 0, total):
            return start
    points, _ = _optimise(mu, start, perplexity, seed, (EARLY_ROUNDS, ROUNDS), report or (lambda *_: True))
    return points


def _optimise(
    mu: Array, start: Array, perplexity: float, seed: int, rounds: tuple[int, int], report: Report
) -> tuple[Array, bool]:
    """t-SNE from the positions start. rounds: with early exaggeration, then without. -> (points, whether it went to the end)."""
    from openTSNE import TSNEEmbedding, affinity

    few = len(mu) < FAST_GRADIENT_FROM
    affinities = affinity.PerplexityBasedNN(
        mu,
        perplexity=min(perplexity, (len(mu) - 1) / 3.0),
        method="exact" if few else "annoy",
        n_jobs=1,
        random_state=seed,
    )
    embedding = TSNEEmbedding(
        np.array(start, dtype=float),
        affinities,
        negative_gradient_method="bh" if few else "fft",
        n_jobs=1,
        random_state=seed,
    )
    going = True
    done = 0
    for count, exaggeration, momentum in ((rounds[0], EARLY_EXAGGERATION, 0.5), (rounds[1], 1.0, 0.8)):

        def each(iteration: int, _error: float, points: Array, base: int = done) -> bool:
            nonlocal going
            going = report(np.asarray(points), base + iteration, sum(rounds))
            return not going  # openTSNE stops on True

        if going:
            embedding = embedding.optimize(
                count,
                exaggeration=exaggeration,
                momentum=momentum,
                callbacks=each,
                callbacks_every_iters=REPORT_EVERY,
            )
        done += count
    return np.asarray(embedding), going


def _among(mu: Array, core: Array, points: Array, seed: int) -> Array:
    """Codes at the median of the places of their ten nearest in core, a little scattered so that none coincide. -> (N, 2)."""
    nearest, _ = nearest_codes(mu, core, min(10, len(core)))
    spread = 0.01 * float(points.std())
    scatter = np.random.default_rng(seed).normal(scale=spread, size=(len(mu), 2))
    return np.asarray(np.median(points[nearest], axis=1) + scatter)


def nearest_codes(wanted: Array, codes: Array, k: int) -> tuple[Array, Array]:
    """The k nearest codes of each wanted one: (M, Z), (N, Z) -> indices (M, k), nearest first, and distances (M, k)."""
    k = min(k, len(codes))
    codes = np.asarray(codes, dtype=np.float64)
    norms = (codes**2).sum(axis=1)
    rows, distances = [], []
    for start in range(0, len(wanted), 1_000):  # 80 MB of distances at 10,000 codes
        part = np.asarray(wanted[start : start + 1_000], dtype=np.float64)
        squared = (part**2).sum(axis=1)[:, None] + norms - 2.0 * part @ codes.T
        found = np.argpartition(squared, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(squared, found, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        rows.append(np.take_along_axis(found, order, axis=1))
        distances.append(np.sqrt(np.maximum(np.take_along_axis(near, order, axis=1), 0.0)))
    if not rows:
        return np.zeros((0, k), dtype=np.int64), np.zeros((0, k))
    return np.concatenate(rows), np.concatenate(distances)


def place(new: Array, mu: Array, points: Array, *, context: int = 1_000, seed: int = 0) -> Array:
    """New codes in an existing t-SNE map, which stays as it is. new: (M, Z), mu: (N, Z), points: (N, 2) -> (M, 2).

    openTSNE's embedding of new samples (Poličar et al. 2023), among the `context` codes nearest to the new ones: the
    map's others pull too little to matter and would cost seconds.
    """
    from openTSNE import TSNEEmbedding, affinity

    if len(mu) > context:
        _, distance = nearest_codes(mu, new, 1)
        near = np.argsort(distance[:, 0], kind="stable")[:context]
        mu, points = mu[near], points[near]
    affinities = affinity.PerplexityBasedNN(
        mu, perplexity=min(PERPLEXITY, (len(mu) - 1) / 3.0), method="exact", n_jobs=1, random_state=seed
    )
    embedding = TSNEEmbedding(
        np.array(points, dtype=float), affinities, negative_gradient_method="bh", n_jobs=1, random_state=seed
    )
    perplexity = min(5.0, (len(mu) - 1) / 3.0)
    placed = embedding.transform(new, perplexity=perplexity, k=min(25, len(mu)), n_iter=100, max_grad_norm=0.25)
    return np.asarray(placed)


def trust(mu: Array, points: Array, *, seed: int = 0) -> float:
    """Trustworthiness of a map by scikit-learn, 0 to 1: whether neighbours on it are neighbours among the codes.

    mu: (N, Z), points: (N, 2 or 3). Of 10 neighbours each (Venna & Kaski 2001), among at most 2,000 codes drawn by seed.
    """
    from sklearn.manifold import trustworthiness

    if len(mu) > TRUST_SAMPLE:
        rows = np.random.default_rng(seed).permutation(len(mu))[:TRUST_SAMPLE]
        mu, points = mu[rows], points[rows]
    neighbours = max(1, min(TRUST_NEIGHBOURS, (len(mu) - 1) // 2))
    return float(trustworthiness(mu, points, n_neighbors=neighbours))
