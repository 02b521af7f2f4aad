"""A batch that lies in parts on several processes teaches what it teaches whole: the processes are real, and talk over gloo."""

from __future__ import annotations

import json

import pytest
import ranks
import torch
from small_training import CPU, settings
from split_process import METHODS

from vaelab.config.errors import ConfigError
from vaelab.models.aggregate import kl_split
from vaelab.models.methods.vae import Vae
from vaelab.training.first_weights import new_model
from vaelab.training.group import ALONE, Group
from vaelab.training.split_step import check_split

TOLERANCE = 1e-10  # of the largest number: double precision, summed in another order


# Three processes have parts of several sizes and none at all, as two have; two are tried with --whole, and train in test_several_devices.py.
@pytest.fixture(scope="module", params=[pytest.param(2, marks=pytest.mark.slow), 3])
def differences(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """By method: of gradient, weights with buffers, and the sums of a row; summed over the processes."""
    file = tmp_path_factory.mktemp("split") / "found.json"
    with ranks.started(["tests/split_process.py", str(file)], request.param) as processes:
        told = [process.communicate(timeout=ranks.PATIENCE)[0] for process in processes]
        assert ranks.codes(processes) == [0] * request.param, told
    found: dict[str, list[float]] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(method: str, differences: dict[str, list[float]]) -> None:
    assert max(differences[method]) < TOLERANCE, differences[method]


class OneOf(Group):
    """A process of several, without the others."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("images", [1, 2, 7, 8, 100])
def test_the_parts_of_a_batch_are_the_batch(images: int, size: int) -> None:
    parts = [OneOf(rank, size).part(images) for rank in range(size)]
    counted = sum(part.weight * (part.rows.stop - part.rows.start) for part in parts)
    assert counted == pytest.approx(images)
    assert sum(part.loss_weight for part in parts) == pytest.approx(1.0)
    if images >= size:
        assert [row for part in parts for row in range(images)[part.rows]] == list(range(images))
        sizes = [part.rows.stop - part.rows.start for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_rows_of_the_kl_split_are_those_of_the_whole() -> None:
    draw = torch.Generator().manual_seed(1)
    z, mu, logvar = torch.randn(3, 9, 4, generator=draw, dtype=torch.float64)
    whole = kl_split(z, mu, logvar, torch.tensor(50.0))
    for rows in (slice(0, 4), slice(4, 9)):
        part = kl_split(z[rows], mu, logvar, torch.tensor(50.0), rows.start)
        for found, expected in zip(part, whole, strict=True):
            assert torch.allclose(found, expected[rows], rtol=1e-12)


class Centred(Vae):
    """A method of somebody's own that compares images and does not know of the others'."""

    name = "centred"

    def terms(self, model, x, y, eps, cfg):  # type: ignore[no-untyped-def]
        terms = super().terms(model, x, y, eps, cfg)
        return terms | {"recon": terms["recon"] - 0.5 * terms["recon"].mean()}


def test_a_method_that_compares_images_by_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = settings()
    model = new_model(cfg.model, 0)
    x = torch.rand(8, *model.image_shape, generator=torch.Generator().manual_seed(0))
    x[:4] *= 0.5  # the two halves are not alike
    eps = torch.zeros(8, 3)
    check_split(model, x, None, eps, cfg, OneOf(1, 2))
    monkeypatch.setattr(type(cfg.model), "method", Centred())
    check_split(model, x, None, eps, cfg, ALONE)
    with pytest.raises(ConfigError, match=r"centred must see each image by itself .* its term recon depends"):
        check_split(model, x, None, eps, cfg, OneOf(1, 2))
    assert x.device == CPU
