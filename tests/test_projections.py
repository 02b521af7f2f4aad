"""Maps of a latent space: PCA against known answers, t-SNE against scikit-learn's, alignment, placing, the background process."""

import os
import shutil
import time

import numpy as np
import pytest
from sklearn.manifold import TSNE, trustworthiness

from vaelab import data
from vaelab.analysis import film, posterior, projections
from vaelab.workers import folder_job, tsne_worker


@pytest.fixture(scope="module")
def digits():
    """(400, 64): the digits of scikit-learn, at their own 8x8 pixels."""
    return data.load("digits").train.pixels[:400, 0, ::4, ::4].reshape(400, 64).astype(np.float32) / 255.0


@pytest.fixture(scope="module")
def clusters():
    """(600, 8) in three groups far from each other, and which group each belongs to."""
    generator = np.random.default_rng(0)
    groups = np.arange(600) % 3
    return (generator.normal(size=(3, 8)) * 12.0)[groups] + generator.normal(size=(600, 8)), groups


def test_pca_finds_the_axes_and_their_shares():
    generator = np.random.default_rng(1)
    turn, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    flat = generator.normal(size=(4_000, 5)) * [4.0, 2.0, 1.0, 0.0, 0.0]
    found = projections.pca(flat @ turn + 3.0, 3)
    np.testing.assert_allclose(found.explained, np.array([16, 4, 1]) / 21, atol=0.02)
    np.testing.assert_allclose(np.abs(found.directions @ turn.T)[:, :3], np.eye(3), atol=0.05)
    np.testing.assert_allclose(found.place(flat @ turn + 3.0), found.points, atol=1e-9)
    assert (found.directions[np.arange(3), np.abs(found.directions).argmax(axis=1)] > 0).all()


def test_pca_agrees_with_the_quick_plane_of_the_live_views(digits):
    np.testing.assert_allclose(projections.pca(digits).points, projections.pca_plane(digits), atol=1e-4)


def test_nearest_codes_by_brute_force():
    generator = np.random.default_rng(2)
    codes, wanted = generator.normal(size=(1_500, 4)), generator.normal(size=(1_200, 4))
    rows, distances = projections.nearest_codes(wanted, codes, 5)
    every = np.linalg.norm(wanted[:, None] - codes, axis=2)
    np.testing.assert_array_equal(rows, np.argsort(every, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :5], atol=1e-9)


def test_nearest_codes_of_nothing_and_of_few():
    assert projections.nearest_codes(np.zeros((0, 3)), np.ones((4, 3)), 2)[0].shape == (0, 2)
    assert projections.nearest_codes(np.zeros((1, 3)), np.ones((4, 3)), 9)[0].shape == (1, 4)


def test_tsne_keeps_neighbours_as_well_as_scikit_learn(digits):
    theirs = TSNE(2, perplexity=30, random_state=0).fit_transform(digits)
    ours = projections.tsne_plane(digits, perplexity=30)
    score = {name: trustworthiness(digits, points, n_neighbors=10) for name, points in (("a", theirs), ("b", ours))}
    assert score["b"] >= score["a"] - 0.01
    assert projections.trust(digits, ours) == pytest.approx(score["b"])


def test_trust_tells_a_good_map_from_none(digits):
    assert projections.trust(digits, projections.pca_plane(digits)) > 0.75
    assert projections.trust(digits, np.random.default_rng(0).normal(size=(400, 2))) < 0.6


def test_tsne_of_many_begins_with_a_map_of_a_sample(clusters, monkeypatch):
    mu, groups = clusters
    monkeypatch.setattr(projections, "CORE", 150)
    maps = []

    def report(points, done, total):
        maps.append((points.copy(), done, total))
        return len(maps) < 3

    stopped = projections.tsne_plane(mu, report=report)
    first, done, total = maps[0]
    assert done == 0
    assert total == projections.EARLY_ROUNDS + projections.ROUNDS
    assert projections.trust(mu, first) > 0.85  # already a map, not a start at random
    assert [entry[1] for entry in maps[1:]] == [10, 20]
    np.testing.assert_array_equal(stopped.shape, (600, 2))  # False stops it, and what there is comes back
    centres = np.array([first[groups == k].mean(axis=0) for k in range(3)])
    own = np.linalg.norm(first - centres[groups], axis=1)
    other = np.linalg.norm(first - centres[(groups + 1) % 3], axis=1)
    assert (own < other).mean() > 0.95


def test_new_codes_land_among_their_own_neighbours(clusters):
    mu, groups = clusters
    points = projections.tsne_plane(mu[:500])
    placed = projections.place(mu[500:], mu[:500], points)
    nearest, _ = projections.nearest_codes(placed, points, 5)
    assert (groups[nearest] == groups[500:, None]).mean() > 0.97
    own = np.linalg.norm(projections.place(mu[7:8], mu[:500], points) - points[7])
    assert own < np.median(np.linalg.norm(points - points[7], axis=1)) / 4


def test_frames_of_a_film_do_not_turn():
    generator = np.random.default_rng(3)
    last = generator.normal(size=(80, 6)) * [5.0, 3.0, 0.1, 0.1, 0.1, 0.1]
    turn, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    mirrored = last * [-1, 1, 1, 1, 1, 1]
    codes = [last @ turn, mirrored, last]
    frames = film.places(film.aligned(codes), codes)
    np.testing.assert_allclose(frames[0], frames[2], atol=0.3)
    np.testing.assert_allclose(frames[1], frames[2], atol=0.3)
    np.testing.assert_allclose(frames[2], projections.pca_plane(last), atol=1e-5)


def test_two_dimensions_are_filmed_as_they_are():
    codes = np.random.default_rng(4).normal(size=(2, 30, 2))
    np.testing.assert_allclose(film.places(film.aligned(list(codes)), codes), codes, atol=1e-6)


GRID = np.linspace(-6.0, 6.0, 601)


def test_the_aggregate_posterior_of_prior_draws_is_the_prior():
    mu = np.zeros(50)
    q = posterior.marginal(mu, np.ones(50), GRID)
    np.testing.assert_allclose(q, posterior.normal(GRID), atol=1e-12)
    assert posterior.overlap(q, GRID) == pytest.approx(1.0, abs=1e-6)


def test_overlap_of_shifted_normals():
    q = posterior.marginal(np.array([2.0]), np.array([1.0]), GRID)
    assert posterior.overlap(q, GRID) == pytest.approx(2 * 0.158655, abs=1e-3)  # 2 Phi(-1)
    assert (q.sum() * (GRID[1] - GRID[0])) == pytest.approx(1.0, abs=1e-3)


def test_holes_are_where_no_posterior_reaches():
    everywhere = posterior.holes(np.zeros((10, 2)), np.ones((10, 2)))
    assert everywhere == 0.0
    generator = np.random.default_rng(5)
    half = np.abs(generator.normal(size=(2_000, 2))) * [1.0, 1.0]
    half[:, 1] *= generator.choice([-1, 1], 2_000)
    assert posterior.holes(half, np.full((2_000, 2), 0.2)) == pytest.approx(0.42, abs=0.08)  # z0 < 0 but for the edge


def test_an_autoencoder_gets_a_bandwidth():
    mu = np.random.default_rng(6).normal(size=(1_000, 3)) * [1.0, 2.0, 0.0]
    width = posterior.spread(mu, None)
    assert width.shape == mu.shape
    np.testing.assert_allclose(width[0, :2], 1.06 * mu.std(axis=0)[:2] * 1_000**-0.2, rtol=1e-3)
    plane = posterior.spread(mu, None, 2)  # two dimensions together: the factor is 1, the power -1/6
    np.testing.assert_allclose(plane[0, :2], mu.std(axis=0)[:2] * 1_000 ** (-1 / 6))
    assert (width > 0).all()


def test_ellipses_have_their_size_and_gaps():
    lines = posterior.ellipses(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[3.0, 0.5], [1.0, 1.0]]), points=5)
    assert lines.shape == (12, 2)
    np.testing.assert_allclose(lines[:2], [[4.0, 2.0], [1.0, 2.5]], atol=1e-12)
    assert np.isnan(lines[5]).all()
    assert np.isnan(lines[11]).all()


@pytest.fixture
def runs_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    return tmp_path


def wait_for(name, states, seconds=1800):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = tsne_worker.jobs.state(name)
        if state.state in states:
            return state
        time.sleep(0.05)
    raise AssertionError(
        f"still {tsne_worker.jobs.state(name)}: {(tsne_worker.jobs.folder_of(name) / 'log.txt').read_text()}"
    )


def test_a_map_is_made_in_the_background_and_kept(runs_folder, clusters):
    mu = clusters[0][:200]
    assert tsne_worker.jobs.state("run-10") == folder_job.State()
    assert tsne_worker.points("run-10") is None
    begun = tsne_worker.start("run-10", mu)
    assert begun.is_active
    assert tsne_worker.start("run-10", mu).asked_at == begun.asked_at  # the same work, not a second one
    done = wait_for("run-10", ("finished", "failed"))
    assert (done.state, done.round) == ("finished", done.rounds)
    points = tsne_worker.points("run-10")
    assert points.shape == (200, 2)
    assert done.told["trust"] == pytest.approx(projections.trust(mu, points), abs=1e-4)
    before = (tsne_worker.jobs.folder_of("run-10") / "state.json").stat().st_mtime_ns
    assert tsne_worker.start("run-10", mu).state == "finished"
    assert (tsne_worker.jobs.folder_of("run-10") / "state.json").stat().st_mtime_ns == before


def test_a_map_can_be_stopped_while_it_waits_and_begun_again(runs_folder, clusters):
    mu = clusters[0][:60]
    turn = folder_job.FileLock(runs_folder / ".maps" / "turn.lock")
    turn.path.parent.mkdir()
    assert turn.take()  # somebody else's map is being made
    tsne_worker.start("run-20", mu)
    wait_for("run-20", ("queued",))
    tsne_worker.jobs.cancel("run-20")
    assert wait_for("run-20", ("cancelled", "failed")).state == "cancelled"
    turn.release()
    tsne_worker.start("run-20", mu)
    assert wait_for("run-20", ("finished", "failed")).state == "finished"


def test_a_process_that_died_has_failed(runs_folder):
    folder = tsne_worker.jobs.folder_of("run-30")
    folder.mkdir(parents=True)
    gone = {"state": "running", "pid": 2**22 + 1, "start_time": 1, "boot_id": "other"}
    folder_job.write_json(folder / "state.json", gone)
    assert tsne_worker.jobs.state("run-30").state == "failed"


def test_old_maps_are_forgotten(runs_folder, monkeypatch):
    monkeypatch.setattr(tsne_worker.jobs, "kept", 3)
    monkeypatch.setattr(tsne_worker.jobs, "_spawn", lambda folder: None)
    for k in range(5):
        tsne_worker.start(f"run-{k}", np.zeros((4, 2)))
        folder = tsne_worker.jobs.folder_of(f"run-{k}")
        folder_job.write_json(folder / "state.json", {"state": "finished"})
        os.utime(folder, (k, k))
    left = sorted(path.name for path in (runs_folder / ".maps").iterdir())
    assert left == ["run-2", "run-3", "run-4"]


def test_old_maps_may_be_removed_by_two_starts_at_once(runs_folder, monkeypatch):
    for name in ("here", "gone"):
        tsne_worker.jobs.folder_of(name).mkdir(parents=True)
    real = folder_job.Path.stat

    def stat(path, **options):
        found = real(path, **options)
        if path.name == "gone":
            shutil.rmtree(path)  # between two looks at it
        return found

    monkeypatch.setattr(folder_job.Path, "stat", stat)
    tsne_worker.jobs._forget_old(tsne_worker.jobs.folder_of("here"))
    assert not tsne_worker.jobs.folder_of("gone").exists()
