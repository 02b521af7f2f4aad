"""KL warm-up and learning rate as pure functions of the step."""

from __future__ import annotations

import math

from vaelab.config.settings import RateSchedule, ScheduleConfig


def beta_at(step: int, total_steps: int, beta: float, cfg: ScheduleConfig) -> float:
    """The weight of the KL term at a step (1-based) of total_steps, growing towards beta.

    constant: beta. linear: from 0 to beta over the share cfg.warmup of the training (Bowman et al. 2016).
    cyclic: cycles of length cfg.warmup; beta grows over the first half of each and holds (Fu et al. 2019).
    """
    if cfg.kind == "constant":
        return beta
    length = max(1.0, cfg.warmup * total_steps)
    if cfg.kind == "linear":
        return beta * min(1.0, step / length)
    phase = ((step - 1) % length) / length
    return beta * min(1.0, 2.0 * phase)


HOLD_FROM = 0.75  # of the training, from where on cosine-hold stays low
HELD = 0.002  # of the rate, where it stays: a tenth of what the cosine ends at

# A rate that falls in steps: what each multiplies it by, after which epochs, of how many in all.
STEPS: dict[RateSchedule, tuple[float, tuple[int, ...], int]] = {
    "stairs": (10 ** (-1 / 7), tuple((3 ** (i + 1) - 1) // 2 for i in range(7)), 3280),  # 3^i epochs each, i = 0..7
    "milestones": (10 ** (-1 / 5), (200, 350, 500, 750, 1000), 2000),
}


def lr_at(step: int, total_steps: int, lr: float, rate: RateSchedule) -> float:
    """The learning rate at a step (1-based) of total_steps.

    constant: lr. cosine: up to lr over the first 100 steps (or 5 %, if that is less), then half a cosine down to 2 % of
    it (Loshchilov & Hutter 2017). cosine-hold: the same within HOLD_FROM of the training, then HELD of it, where the loss comes to
    rest. stairs: lr * 10^(-i/7) for 3^i of 3,280 parts of the training, i = 0..7 (Burda et al. 2016,
    section 5). milestones: falls to 10^(-1/5) of itself after 200, 350, 500, 750 and 1,000 of 2,000 parts (pythae's VampPrior).
    """
    if rate == "constant":
        return lr
    if rate in STEPS:
        factor, ends, whole = STEPS[rate]
        return lr * factor ** sum((step - 1) * whole >= end * total_steps for end in ends)
    length = total_steps * (HOLD_FROM if rate == "cosine-hold" else 1.0)
    if rate == "cosine-hold" and step > length:
        return lr * HELD
    warm_up = min(100.0, 0.05 * total_steps)
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / length)))
    return lr * min(1.0, step / warm_up) * (0.02 + 0.98 * fall)
