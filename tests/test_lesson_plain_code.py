"""The two models that lessons 4 and 5 print are those of the lab, and what the texts say of them holds."""

import pytest
import torch

from vaelab.lessons.plain_code import Autoencoder, LinearVae
from vaelab.models.latent_model import build
from vaelab.models.losses import gaussian_recon
from vaelab.models.model_config import ModelConfig
from vaelab.ui.text import LANGUAGES, strings


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_the_linear_vae_is_that_of_the_lab():
    mine, labs = LinearVae().eval(), build(ModelConfig(name="linear-vae", latent_dim=16)).eval()
    assert count(mine) == count(labs) == 795_936
    assert 3072 * 128 + 128 + 128 * 32 + 32 + 16 * 128 + 128 + 128 * 3072 + 3072 == 795_936
    for language in LANGUAGES:
        assert "795,936" in strings(language, "learn_vae")["model"]
    theirs = list(labs.features.parameters()) + list(labs.head.parameters()) + list(labs.decoder.parameters())
    with torch.no_grad():
        for weight, known in zip(mine.parameters(), theirs, strict=True):
            weight.copy_(known)
        x = torch.rand(5, 3, 32, 32)
        logits, mu, logvar = mine(x)
        q = labs.encode(x)
    torch.testing.assert_close(mu, q.mu)
    torch.testing.assert_close(logvar, q.logvar)
    assert logits.shape == x.shape


def test_a_view_of_two_rows_is_a_chunk():
    h = torch.randn(7, 32)
    first, second = h.chunk(2, dim=1)
    rows = h.view(-1, 2, 16)
    assert torch.equal(rows[:, 0], first)
    assert torch.equal(rows[:, 1], second)
    wrong = h.view(-1, 16, 2)  # the numbers of mu and logvar in turn: another model, and a run that says nothing
    assert not torch.equal(wrong[..., 0], first)


def test_the_autoencoder_is_that_of_the_lab():
    mine, labs = Autoencoder().eval(), build(ModelConfig(name="autoencoder")).eval()
    assert count(mine) == count(labs) == 194_955
    with torch.no_grad():
        for weight, known in zip(mine.parameters(), labs.parameters(), strict=True):
            assert weight.shape == known.shape
            weight.copy_(known)
        x = torch.rand(2, 3, 32, 32)
        z, x_hat = mine(x)
        torch.testing.assert_close(x_hat, torch.sigmoid(labs.decode_logits(labs.encode(x).mean)))
    assert z.shape == (2, 96, 2, 2)


@pytest.mark.parametrize("sigma", [0.1, 0.5**0.5])
def test_a_squared_error_is_a_gaussian(sigma):
    """Lesson 4: -log N(x; x_hat, sigma^2) is the squared error over 2 sigma^2 and a constant; at sigma^2 = 1/2 it is the error itself."""
    logits, x = torch.randn(3, 4), torch.rand(3, 4)
    error = (x - torch.sigmoid(logits)).square().sum(dim=1)
    both = gaussian_recon(logits, x, sigma)
    density = torch.distributions.Normal(torch.sigmoid(logits), sigma).log_prob(x).sum(dim=1)
    torch.testing.assert_close(both, -density)
    constant = both - error / (2 * sigma**2)
    torch.testing.assert_close(constant, constant[:1].expand(3))
