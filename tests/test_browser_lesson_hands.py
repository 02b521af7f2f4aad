"""What each lesson lets the reader do with their own hands, in Chromium: the one thing that is meant to be remembered, checked against torch or NumPy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from decode_browser import settle
from live_runs import until
from test_browser_lessons import choose, open_lesson, walk_to_lesson

from vaelab.ui.text import LANGUAGES, Language, strings

pytestmark = pytest.mark.browser


@pytest.fixture
def address(digits_app: str) -> str:
    return digits_app


def said(page: Any, selector: str, pattern: str) -> re.Match[str]:
    """Wait until a sentence reads like this, once it tells of what was done; what it says."""
    settle(page)
    place = page.locator(selector)
    place.filter(has_text=re.compile(pattern)).wait_for()
    found = re.search(pattern, place.inner_text())
    assert found
    return found


def broken_by_torch(name: str, numbers: Sequence[int], value: float) -> tuple[Any, Any, float]:
    """For each number set to value: the share of the change in its quarter and the loss, (N,) each; the loss before. By torch."""
    import torch

    from vaelab.analysis import inference
    from vaelab.analysis.inference import to_unit
    from vaelab.config.settings import LossConfig
    from vaelab.models.losses import recon_loss
    from vaelab.runs import store
    from vaelab.ui.learn.autoencoder_layers import MODEL, pixels_of

    model = inference.load_run(store.find(MODEL))
    x = to_unit(pixels_of(name)[None])
    with torch.no_grad():
        whole = model.encode(x).mean
        spoiled = whole.repeat(len(numbers), 1)
        spoiled[torch.arange(len(numbers)), torch.tensor(numbers)] = value
        change = (model.decode(spoiled) - model.decode(whole)).abs().sum(1).numpy()
        before, after = (
            recon_loss(model.decode_logits(z), x.expand(len(z), -1, -1, -1), LossConfig()) for z in (whole, spoiled)
        )
    corners = [(16 * (n % 4 // 2), 16 * (n % 2)) for n in numbers]
    inside = [it[y : y + 16, x : x + 16].sum() for it, (y, x) in zip(change, corners, strict=True)]
    return np.array(inside) / change.sum(axis=(1, 2)), after.numpy(), float(before[0])


def test_a_broken_number_spoils_its_quarter_of_the_picture(walk: Any, address: str) -> None:
    page = walk_to_lesson(walk, address, "autoencoder")
    choose("Break one number")(page)
    cells = page.locator("canvas.cells")
    said(page, ".patch .said", r"All 384 numbers are whole; reconstruction loss [\d,]+ nats")
    box = cells.bounding_box()
    places = [(0.3, 0.2), (0.34, 0.35), (0.7, 0.9)]  # one sweep, three numbers
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    pattern = r"Number (\d+) of 384 .*: [\d.]+ → 16\.0\. (\d+) % .* loss ([\d,]+) → ([\d,]+) nats"
    seen = set()
    for x, y in places:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        found = said(page, ".patch .said", pattern)
        number, share, before, after = (int(part.replace(",", "")) for part in found.groups())
        shares, losses, whole = broken_by_torch("face", [number - 1], 16.0)
        assert share == pytest.approx(100 * shares[0], abs=1.0)
        assert [before, after] == pytest.approx([whole, losses[0]], abs=1.0)
        seen.add(number)
    page.mouse.up()
    assert len(seen) == 3
    assert page.locator(".patch .quarter").is_visible()
    cells.press("ArrowRight")
    assert int(said(page, ".patch .said", pattern).group(1)) not in seen, "the keyboard goes on from there"
    page.locator('canvas[data-view="broken"]').wait_for()
    page.get_by_role("slider", name=strings("en", "learn_autoencoder")["patch_value"]).press("Home")
    said(page, ".patch .said", r"→ 0\.0\.")
    cells.press("Escape")
    said(page, ".patch .said", "All 384 numbers are whole")
    assert not page.locator(".patch .quarter").is_visible()


def test_every_quarter_suffers_most_from_its_own_corner() -> None:
    """What the lesson claims of the number's corner, over all 384 numbers of the face: no canned figure."""
    shares, _, _ = broken_by_torch("face", range(384), 16.0)
    assert np.median(shares) > 0.5
    assert np.mean(shares > 0.25) > 0.95


def test_the_words_of_the_code_are_there_in_chinese(walk: Any, address: str) -> None:
    page = walk_to_lesson(walk, address, "autoencoder", "zh")
    choose(strings("zh", "learn_autoencoder")["view_patch"])(page)
    page.get_by_role("application", name=strings("zh", "learn_autoencoder")["patch_grid"]).press("ArrowDown")
    said(page, ".patch .said", r"第 1 个数.*左上.*→ 16\.0")


PIXELS = """(canvas) => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""


def pixels(page: Any, canvas: Any) -> np.ndarray:
    """What a canvas shows, (H, W, 3) uint8, after the next frame."""
    settle(page)
    shown = np.array(canvas.evaluate(PIXELS), dtype=np.uint8)
    side = int(np.sqrt(len(shown) / 4))
    return shown.reshape(side, side, 4)[..., :3]


def decoded_on_the_disc(name: str, variational: bool, x: float, y: float) -> np.ndarray:
    """What torch decodes of a place of lesson 5's disc, (H, W, 3) uint8."""
    import torch

    from vaelab.analysis import inference
    from vaelab.analysis.inference import to_uint8
    from vaelab.lessons.two_spaces import codes_at, disc
    from vaelab.runs import store

    run = store.find(name)
    with np.load(run.path / "latents.npz", allow_pickle=False) as stored:
        known = stored["mu"].astype(np.float64)
    z = codes_at(disc(known, 0, variational, 0), np.array([x]), np.array([y]))
    with torch.no_grad():
        return np.asarray(
            to_uint8(inference.load_run(run).decode(torch.from_numpy(z.astype(np.float32))))[0].transpose(1, 2, 0)
        )


def test_one_point_goes_through_both_spaces(walk: Any, address: str) -> None:
    from vaelab.ui.learn.vae import MODEL, OTHER

    page = walk_to_lesson(walk, address, "vae")
    choose("One point, two spaces")(page)
    discs, pictures = page.locator("canvas.disc"), page.locator('canvas[data-view="picture"]')
    said(page, ".twin .tools", "own code")
    for canvas in pictures.all():
        page.wait_for_function("(canvas) => canvas.width === 32", arg=canvas.element_handle())  # drawn
    home = [pixels(page, canvas) for canvas in pictures.all()]
    for _ in range(10):
        discs.first.press("ArrowRight")
    for _ in range(12):
        discs.last.press("ArrowUp")  # the same point, taken hold of in the other space
    far = int(said(page, ".twin .tools", r"(\d+) % of the way").group(1))
    assert far == round(100 * np.hypot(0.5, 0.6))
    for canvas, before, (name, variational) in zip(pictures.all(), home, ((OTHER, False), (MODEL, True)), strict=True):
        now = pixels(page, canvas)
        assert np.abs(now.astype(int) - before).mean() > 5
        assert np.abs(now.astype(int) - decoded_on_the_disc(name, variational, 0.5, 0.6)).max() <= 2
    figures = [float(re.findall(r"[\d.]+", text)[0]) for text in page.locator(".twin .figure").all_inner_texts()]
    assert figures[0] > figures[1]
    box = discs.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"], box["y"] + box["height"] / 2, steps=3)  # beyond the edge
    page.mouse.up()
    said(page, ".twin .tools", "A code made at random")
    page.get_by_role("button", name="Back to the face").click()
    said(page, ".twin .tools", "own code")
    for canvas, before in zip(pictures.all(), home, strict=True):
        assert np.array_equal(pixels(page, canvas), before)


def shown_density(page: Any) -> float:
    settle(page)
    return float(page.locator(".budget .side b.number").inner_text())


def test_a_density_is_held_up_against_points_elsewhere(walk: Any, address: str) -> None:
    from vaelab.lessons.kernels import density, elsewhere, longest
    from vaelab.ui.components.budget import budget_view as game

    def wanted(mine: np.ndarray, count: int) -> float:
        others = elsewhere(game.OTHERS, np.array(game.PROBE), game.REACH, game.AWAY, seed=5)
        return float(density(np.concatenate([mine, others[:count]]), np.array([game.PROBE]), game.WIDTH)[0])

    page = walk_to_lesson(walk, address, "kinds")
    choose("Hold it up")(page)
    come, plane = page.get_by_role("button", name="Next point"), page.locator(".budget canvas.plane")
    said(page, ".budget .said", "just above the line")
    mine, most = game.first_points(), longest(game.MINE, game.line(), game.WIDTH)
    assert shown_density(page) == pytest.approx(wanted(mine, 0), abs=5e-4)
    come.click()
    said(page, ".budget .said", "Points so far: 1, and p\\(x\\) is below the line")
    assert shown_density(page) == pytest.approx(wanted(mine, 1), abs=5e-4)
    box = plane.bounding_box()
    places = [
        (
            box["x"] + (x / (2 * game.REACH) + 0.5) * box["width"],
            box["y"] + (0.5 - y / (2 * game.REACH)) * box["height"],
        )
        for x, y in (mine[0], game.PROBE)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()
    said(page, ".budget .said", "You hold it")
    mine[0] = game.PROBE
    assert shown_density(page) == pytest.approx(wanted(mine, 1), abs=2e-3)
    page.get_by_role("button", name="Start again").click()
    for _ in range(2):
        come.click()
    said(page, ".budget .said", f"Held against 0 points. {most} can be borne")
    assert come.is_disabled()
    page.get_by_role("button", name="Start again").click()
    plane.focus()
    for _ in range(5 * game.MINE):  # Enter pulls one after another onto the ring
        page.keyboard.press("Enter")
    for count in range(most + 1):
        assert come.is_enabled(), count
        come.click()
    said(page, ".budget .said", f"Points so far: {most + 1}, and p\\(x\\) is below")
    come.click()
    said(page, ".budget .said", f"Held against {most} points: nobody can do better")


# Within the page: a second later the next point may end the game.
PRESS_AT_A_POINT = """(lab, words) => {
  const said = lab.querySelector(".said"), play = lab.querySelector("button.primary");
  const watcher = new MutationObserver(() => {
    if (lab.dataset.pressed || !said.textContent.includes(words)) return;
    lab.dataset.pressed = play.textContent;
    play.click();
  });
  watcher.observe(said, { childList: true, characterData: true, subtree: true });
}"""


def test_the_computer_plays_by_itself_until_it_is_paused(walk: Any, address: str) -> None:
    page = walk_to_lesson(walk, address, "kinds", "zh")
    texts = strings("zh", "learn_kinds")
    choose(texts["panel_keep"])(page)
    play = page.get_by_role("button", name=texts["keep_play"], exact=True)
    (budget := page.locator(".budget")).evaluate(PRESS_AT_A_POINT, "已经来了 1 个点")
    play.click()
    said(page, ".budget .said", "已经来了 1 个点")
    play.wait_for()
    assert play.is_enabled()
    assert budget.get_attribute("data-pressed") == texts["keep_pause"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_ten_guesses_of_z_are_compared_with_the_posterior(walk: Any, address: str, lang: Language) -> None:
    from vaelab.lessons.guessing import rounds
    from vaelab.ui.learn.latent import GUESSED, ROUNDS, START, X_REACH, Z_REACH

    weight, sigma = START["latent_weight"], START["latent_sigma"]
    played = rounds("wave", weight, sigma, ROUNDS, GUESSED, (Z_REACH - 0.1, X_REACH - 0.2), 1)
    texts = strings(lang, "learn_latent")
    page = walk_to_lesson(walk, address, "latent", lang)
    choose(texts["view_guess"])(page)
    sheet = page.get_by_role("slider", name=texts["guess_sheet"])
    box = sheet.bounding_box()
    guesses = []
    for k, (z, x) in enumerate(played.pairs):
        ask = said(page, ".guess .said", rf"\b{k + 1}\b.*x = ([+−][\d.]+)")
        assert float(ask.group(1).replace("−", "-")) == pytest.approx(x, abs=0.006)
        if k < 2:  # with the pointer, then with keys
            page.mouse.click(box["x"] + (0.3 + 0.2 * k) * box["width"], box["y"] + 50)
        else:
            sheet.focus()
            page.keyboard.press("ArrowRight" if k % 2 else "ArrowLeft")
        guesses.append(float(sheet.get_attribute("aria-valuenow")))
        page.locator(".guess").get_by_role("button", name=texts["guess_compare"]).click()
        told = said(page, ".guess .said", r"([+−]\d\.\d\d).*?([+−]\d\.\d\d)\D*?(\d\.\d\d).*?([+−]\d\.\d\d)")
        numbers = [float(part.replace("−", "-")) for part in told.groups()]
        assert numbers == pytest.approx([z, guesses[-1], abs(guesses[-1] - z), played.means[k]], abs=0.006)
        if k + 1 < ROUNDS:
            page.get_by_role("button", name=texts["guess_next"]).click()
    assert guesses[0] < -1
    assert len(set(guesses)) > 2
    drawn = played.pairs[:, 0]
    wanted = [np.sqrt(np.mean((found - drawn) ** 2)) for found in (np.array(guesses), played.means, np.zeros(ROUNDS))]
    shown = [
        float(part)
        for part in re.findall(r" ?(\d\.\d\d)[,，;。. ]", page.locator(".guess .said").inner_text() + " ")[-3:]
    ]
    assert shown == pytest.approx(wanted, abs=0.006)
    assert page.locator(".guess .marks .hit, .guess .marks .miss").count() == ROUNDS
    page.get_by_role("button", name=texts["guess_over"]).click()
    said(page, ".guess .said", r"\b1\b.*x = ")
    before = page.locator(".guess .said").inner_text()
    page.get_by_role("button", name=texts["guess_again"]).click()
    page.wait_for_function(
        "([node, before]) => node.textContent !== before", arg=[page.locator(".guess .said").element_handle(), before]
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_line_is_broken_and_stepped_on(walk: Any, address: str, lang: Language) -> None:
    texts = strings(lang, "learn_code")
    page = walk_to_lesson(walk, address, "code", lang)
    line = page.locator('[data-line="mean"]')
    assert line.get_attribute("aria-pressed") == "false"
    line.press("Enter")
    page.locator('[data-line="mean"][aria-pressed="true"]').wait_for()
    assert line.inner_text().strip() == "recon = bernoulli_recon(logits, x) / 3072"
    said(page, ".said", re.escape(texts["broken_mean"]) + ".*" + re.escape(texts["broken_go"]))
    page.locator(".st-key-code_one button:visible").click()
    told = said(page, ".said", r"\b1 (?:steps|步).* (0\.\d+).*? (\d{4})")
    assert float(told.group(1)) * 3072 == pytest.approx(float(told.group(2)), rel=0.05)
    line.press("Enter")
    said(page, ".said", re.escape(texts["mended"]))
    page.locator('[data-line="mean"][aria-pressed="false"]').wait_for()
    assert line.inner_text().strip() == "recon = bernoulli_recon(logits, x)"
    page.locator(".st-key-code_again button:visible").click()
    said(page, ".said", re.escape(texts["said_encode"]))


def test_frozen_points_slide_and_their_mean_has_a_slope(walk: Any, address: str) -> None:
    import torch

    from vaelab.lessons.gradients import COSTS
    from vaelab.ui.learn.reparam import PINNED

    texts, sigma = strings("en", "learn_reparam"), 0.6
    page = walk_to_lesson(walk, address, "reparam")
    choose(texts["view_pinned"])(page)
    sheet, told = (
        page.get_by_role("slider", name=texts["frozen_sheet"]),
        r"mean of f ([+−]\d+\.\d+)\. .* points: ([+−]\d+\.\d+); exact: ([+−]\d+\.\d+)",
    )
    eps = torch.from_numpy(np.random.default_rng(0).standard_normal(PINNED))

    def wanted(cost: str, mu: float) -> tuple[float, float, float]:
        """Mean, slope at the points and exact slope, by torch."""
        at = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
        mean = COSTS[cost].value(at + sigma * eps).mean()
        (slope,) = torch.autograd.grad(mean, at)
        mean = mean.detach()
        return mean.item(), slope.item(), COSTS[cost].exact(mu, sigma)[0]

    def figures() -> list[float]:
        return [float(part.replace("−", "-")) for part in said(page, ".frozen .said", told).groups()]

    for number, cost in enumerate(("square", "wave", "far", "step")):
        if number:
            before = figures()
            choose(texts[f"cost_{cost}"])(page)
            until(lambda before=before: figures() != before, "the figures of another f")
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            sheet.press(key)
            mu = float(sheet.get_attribute("aria-valuenow"))
            page.wait_for_function(
                "([node, mu]) => Number(node.getAttribute('aria-valuenow')) === mu", arg=[sheet.element_handle(), mu]
            )
            assert figures() == pytest.approx(wanted(cost, mu), abs=0.012 if cost != "step" else 0.05), cost
    box = sheet.bounding_box()
    y = box["y"] + 30
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=5)
    page.mouse.up()
    assert 0.5 < float(sheet.get_attribute("aria-valuenow")) < 1.2


def test_points_that_are_not_frozen_jump(walk: Any, address: str) -> None:
    texts = strings("zh", "learn_reparam")
    page = walk_to_lesson(walk, address, "reparam", "zh")
    choose(texts["view_pinned"])(page)
    sheet = page.get_by_role("slider", name=texts["frozen_sheet"])
    sheet.press("ArrowRight")
    said(page, ".frozen .said", "已固定")
    page.locator(".st-key-reparam_pin label").first.click()
    said(page, ".frozen .said", "每动一下换一组 ε")
    jumps = []
    for _ in range(8):
        sheet.press("ArrowRight")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
        found = said(page, ".frozen .said", r"本该让它变化 ([+−][\d.]+)，实际变化了 ([+−][\d.]+)")
        jumps.append([float(part.replace("−", "-")) for part in found.groups()])
    should, did = np.array(jumps).T
    assert np.abs(did - should).mean() > 0.05, "the noise is other at every move"
    assert len(set(did)) > 1


def test_a_draw_of_x_is_noise_around_its_mean(page: Any, address: str) -> None:
    open_lesson(page, address, "vae")
    picture = page.locator('canvas[data-view="draws"]')
    page.wait_for_function("(canvas) => canvas.width === 4 * 32 + 3", arg=picture.element_handle())
    inside = (slice(0, 32), slice(0, 32))  # the first of the sixteen
    mean = pixels(page, picture)[inside].astype(float)
    sampling = page.get_by_role("button", name="One draw of x")
    sampling.click()
    page.locator('.cloud button[aria-pressed="true"]').wait_for()
    draw = pixels(page, picture)[inside]
    assert set(np.unique(draw)) == {0, 255}, "each colour of each pixel is on or off"
    p = mean / 255
    assert draw.mean() == pytest.approx(mean.mean(), abs=4 * 255 * np.sqrt((p * (1 - p)).sum()) / p.size)
    sampling.click()
    page.locator('.cloud button[aria-pressed="false"]').wait_for()
    assert np.array_equal(pixels(page, picture)[inside], mean)
