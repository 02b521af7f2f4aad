"""Uses of an autoencoder on one image, image similarity, JPEG at a budget, and the window on a picture."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from vaelab import data
from vaelab.analysis import inference, uses
from vaelab.config.errors import ConfigError, DataError, ImageError
from vaelab.images import framing, jpeg, similarity
from vaelab.images.files import open_image, png, to_pixels
from vaelab.images.framing import Frame
from vaelab.models.latent_model import build
from vaelab.models.model_config import ModelConfig


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return build(ModelConfig(name="conv-vae", latent_dim=4, channels=1)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def digit():
    return data.load("digits").test.pixels[0]


# --- similarity -----------------------------------------------------------------------------------------------------


def flat(level, channels=1, size=32):
    return np.full((channels, size, size), level, dtype=np.uint8)


def test_psnr_by_hand():
    assert similarity.psnr(flat(100), flat(110)) == pytest.approx(10 * math.log10(255**2 / 100))
    assert similarity.psnr(flat(7), flat(7)) == math.inf


def test_ssim_of_flat_images_is_its_luminance_term():
    c1 = (0.01 * 255) ** 2
    expected = (2 * 50 * 200 + c1) / (50**2 + 200**2 + c1)
    assert similarity.ssim(flat(50), flat(200)) == pytest.approx(expected, rel=1e-9)


def test_ssim_of_one_window_by_its_formula():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 1, 11, 11)).astype(np.uint8)
    weights = np.array(
        [[math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)] for i in range(11)]
    )
    weights /= weights.sum()
    x, y = a[0].astype(float), b[0].astype(float)
    mx, my = (weights * x).sum(), (weights * y).sum()
    vx, vy, cov = ((weights * p).sum() for p in ((x - mx) ** 2, (y - my) ** 2, (x - mx) * (y - my)))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert similarity.ssim(a, b) == pytest.approx(expected, rel=1e-9)


def test_ssim_of_equal_images_is_one_and_sizes_are_checked(digit):
    assert similarity.ssim(digit, digit) == pytest.approx(1.0)
    with pytest.raises(DataError, match="at least 11x11"):
        similarity.ssim(flat(1, size=10), flat(1, size=10))
    with pytest.raises(DataError, match="one shape"):
        similarity.psnr(flat(1), flat(1, size=16))


# --- JPEG -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_scan_bytes_are_what_lies_between_headers_and_end(channels):
    import io

    pixels = data.load("digits", channels=channels).test.pixels[1]
    picture = jpeg.encode(pixels, 50)
    assert picture.pixels.shape == pixels.shape
    buffer = io.BytesIO()
    plane = pixels[0] if channels == 1 else pixels.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(plane)).save(buffer, format="JPEG", quality=50, subsampling=0)
    whole = buffer.getvalue()
    header = whole.index(b"\xff\xda")
    length = int.from_bytes(whole[header + 2 : header + 4], "big")
    assert picture.data_bytes == len(whole) - (header + 2 + length) - 2
    assert picture.file_bytes == len(whole)


def test_the_best_jpeg_keeps_to_its_budget(digit):
    for budget in (120, 300):
        chosen = jpeg.best_within(digit, budget)
        assert chosen.data_bytes <= budget
        better = [jpeg.encode(digit, q) for q in jpeg.QUALITIES]
        fitting = [similarity.psnr(digit, j.pixels) for j in better if j.data_bytes <= budget]
        assert similarity.psnr(digit, chosen.pixels) == max(fitting)


def test_where_no_jpeg_is_small_enough_the_smallest_comes(digit):
    chosen = jpeg.best_within(digit, 1)
    assert chosen.data_bytes == min(jpeg.encode(digit, q).data_bytes for q in jpeg.QUALITIES) > 1


# --- uses -----------------------------------------------------------------------------------------------------------


def test_compression_counts_bytes_and_leaves_dimensions_out(model, digit):
    order = np.array([2, 0, 1, 3])
    code = uses.compress(model, digit, order, kept=3, bits=5)
    assert code.bytes == 2  # 15 bits
    assert code.levels.shape == (3,)
    assert code.levels.max() < 32
    assert code.z[3] == 0.0
    mu, _ = uses.encode_image(model, digit)
    step = 8 / 31  # +-4 standard deviations of the prior in 32 levels
    np.testing.assert_allclose(code.z[order[:3]], mu[order[:3]], atol=step / 2 + 1e-6)
    np.testing.assert_array_equal(code.pixels, uses.decode_code(model, code.z))


def test_sixteen_bits_lose_nothing_that_can_be_seen(model, digit):
    code = uses.compress(model, digit, np.arange(4), kept=4, bits=16)
    whole = uses.decode_code(model, uses.encode_image(model, digit)[0])
    assert np.abs(code.pixels.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(("kept", "bits"), [(0, 8), (5, 8), (2, 0), (2, 17)])
def test_compression_refuses_what_is_out_of_range(model, digit, kept, bits):
    with pytest.raises(ConfigError, match="must be from 1 to"):
        uses.compress(model, digit, np.arange(4), kept, bits)


def test_noise_has_the_asked_spread():
    noisy = uses.add_noise(flat(128, size=64), 0.1, seed=1) / 255
    assert noisy.std() == pytest.approx(0.1, rel=0.05)
    assert noisy.mean() == pytest.approx(128 / 255, abs=0.01)
    np.testing.assert_array_equal(uses.add_noise(flat(9), 0.0), flat(9))


def test_denoising_is_the_reconstruction_of_the_noisy_image(model, digit):
    noisy = uses.add_noise(digit, 0.3)
    np.testing.assert_array_equal(uses.denoise(model, noisy), inference.reconstruct(model, noisy[None])[0])


def test_filling_in_keeps_every_known_pixel_and_starts_grey(model, digit):
    hole = np.zeros((32, 32), dtype=bool)
    hole[8:20, 8:20] = True
    frames = list(uses.fill_in(model, digit, hole, 3))
    assert len(frames) == 4
    for frame in frames:
        np.testing.assert_array_equal(frame[:, ~hole], digit[:, ~hole])
    assert set(frames[0][:, hole].ravel().tolist()) == {128}
    start = inference.to_unit(frames[0][None])  # 128 / 255 where the first round sees 0.5: half a grey level
    once = inference.to_uint8(model.decode(model.encode(start).mean))[0]
    assert np.abs(frames[1][:, hole].astype(int) - once[:, hole]).max() <= 1


def test_filling_in_nothing_and_everything(model, digit):
    none = np.zeros((32, 32), dtype=bool)
    np.testing.assert_array_equal(list(uses.fill_in(model, digit, none, 1))[-1], digit)
    first, second = (list(uses.fill_in(model, other, ~none, 1))[-1] for other in (digit, flat(200)))
    np.testing.assert_array_equal(first, second)  # nothing of the image is known
    with pytest.raises(ConfigError, match="must cover the image"):
        next(uses.fill_in(model, digit, none[:5], 1))


def test_filling_in_with_draws_follows_its_seed(model, digit):
    hole = np.ones((32, 32), dtype=bool)
    one, same, other = (list(uses.fill_in(model, digit, hole, 2, seed=seed))[-1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_variations_spread_with_the_temperature(model, digit):
    mu, logvar = uses.encode_image(model, digit)
    z = uses.posterior_draws(model, mu, logvar, 4000, temperature=2.0)
    np.testing.assert_allclose(z.mean(axis=0), mu, atol=0.15)
    np.testing.assert_allclose(z.std(axis=0), 2.0 * np.exp(0.5 * logvar), rtol=0.06)
    cold = uses.variations(model, digit, 3, 0.0)
    np.testing.assert_array_equal(cold, np.repeat(inference.reconstruct(model, digit[None]), 3, axis=0))


def test_an_autoencoder_varies_by_the_spread_of_its_codes(digit):
    torch.manual_seed(0)
    model = build(ModelConfig(name="autoencoder")).eval().requires_grad_(False)
    model.remember_codes(torch.randn(100, 384) * 3.0)
    mu = np.zeros(384, np.float32)
    z = uses.posterior_draws(model, mu, None, 200, temperature=0.5)
    np.testing.assert_allclose(z.std(), 1.5, rtol=0.05)


def test_a_conditional_model_takes_the_label_in_every_use(digit):
    torch.manual_seed(0)
    cfg = ModelConfig(channels=1, latent_dim=3, label="class", classes=10)
    model = build(cfg).eval().requires_grad_(False)
    hole = np.ones((32, 32), dtype=bool)
    assert uses.compress(model, digit, np.arange(3), 2, 8, y=4).pixels.shape == (1, 32, 32)
    assert uses.denoise(model, digit, 4).shape == (1, 32, 32)
    assert len(list(uses.fill_in(model, digit, hole, 1, 4))) == 2
    assert uses.variations(model, digit, 2, 1.0, 4).shape == (2, 1, 32, 32)
    with pytest.raises(ConfigError, match="must hold one class"):
        uses.denoise(model, digit)


# --- an upload is what the data set holds ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pixel-faces", "fashion-mnist-10k", "digits", "shapes"])
@pytest.mark.parametrize("as_published", [True, False])
def test_an_uploaded_training_image_has_the_code_of_the_data_set(name, as_published):
    dataset = data.load(name, limit=8)
    if as_published and name != "shapes":
        from vaelab.data import embedded

        raw = {
            "pixel-faces": embedded.pixel_faces,
            "fashion-mnist-10k": embedded.fashion_10k,
            "digits": embedded.digits,
        }
        published = raw[name]()[0].pixels[:8]
    else:
        published = dataset.train.pixels
    channels = dataset.info.channels
    torch.manual_seed(0)
    model = build(ModelConfig(channels=channels, latent_dim=5)).eval().requires_grad_(False)
    expected_mu, expected_logvar = inference.encode(model, dataset.train.pixels)
    for row in (0, 5):
        seen = framing.apply(open_image(png(published[row]), at_least=512), Frame(), 32, channels)
        np.testing.assert_array_equal(seen, dataset.train.pixels[row])
        mu, logvar = uses.encode_image(model, seen)
        np.testing.assert_allclose(mu, expected_mu[row], atol=1e-6)
        np.testing.assert_allclose(logvar, expected_logvar[row], atol=1e-6)


# --- the window on a picture ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ramp():
    """48 x 24: red grows to the right, green downwards."""
    pixels = np.zeros((24, 48, 3), np.uint8)
    pixels[..., 0] = np.arange(48) * 5
    pixels[..., 1] = np.arange(24)[:, None] * 10
    return Image.fromarray(pixels)


def test_the_default_window_is_the_rule_of_the_data_sets(ramp):
    np.testing.assert_array_equal(framing.apply(ramp, Frame(), 32, 3), to_pixels(ramp, 32, 3))


def test_the_window_moves_and_zooms(ramp):
    assert Frame(zoom=1.0, x=0.0).box(48, 24) == (0, 0, 24, 24)
    assert Frame(zoom=2.0, x=1.0, y=1.0).box(48, 24) == (36, 12, 48, 24)
    left, right = (framing.apply(ramp, Frame(x=x), 32, 3)[0].mean() for x in (0.0, 1.0))
    assert right - left == pytest.approx(24 * 5, abs=2)


def test_colours_can_be_turned_mirrored_and_stretched(ramp):
    plain = framing.apply(ramp, Frame(), 32, 3).astype(int)
    np.testing.assert_allclose(framing.apply(ramp, Frame(invert=True), 32, 3), 255 - plain, atol=1)
    np.testing.assert_allclose(framing.apply(ramp, Frame(mirror=True), 32, 3), plain[:, :, ::-1], atol=1)
    grey = framing.apply(ramp, Frame(grey=True), 32, 3)
    np.testing.assert_array_equal(grey[0], grey[2])
    assert set(np.unique(framing.apply(ramp, Frame(contrast=0.0), 32, 3))) <= {127, 128}


def test_the_whole_picture_gets_bars_of_its_corner_colour():
    wide = Image.new("RGB", (64, 32), (10, 20, 30))
    wide.paste((200, 0, 0), (20, 8, 44, 24))
    seen = framing.apply(wide, Frame(whole=True), 32, 3)
    assert seen[:, 0, 16].tolist() == [10, 20, 30]
    assert seen[:, 16, 16].tolist() == [200, 0, 0]


@pytest.mark.parametrize("wrong", [{"zoom": 0.5}, {"zoom": 9.0}, {"x": 1.1}, {"y": -0.1}])
def test_a_window_outside_the_picture_is_refused(wrong):
    with pytest.raises(ImageError, match="window must"):
        Frame(**wrong)


def test_the_outline_shows_where_the_window_lies(ramp):
    shown = framing.outline(ramp, Frame(x=1.0), 96, "#00ffff")
    assert shown.size == (96, 48)
    assert shown.getpixel((48, 20)) == (0, 255, 255)
    assert shown.getpixel((10, 20)) != (0, 255, 255)
