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


def lr_at(step: int, total_steps: int, lr: float, rate: RateSchedule) -> float:
    """The learning rate at a step (1-based) of total_steps.

    constant: lr. cosine: up to lr over the first 100 steps (or 5 %, if that is less), then half a cosine down to 2 % of
    it (Loshchilov & Hutter 2017).
    """
    if rate == "constant":
        return lr
    warm_up = min(100.0, 0.05 * total_steps)
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / total_steps)))
    return lr * min(1.0, step / warm_up) * (0.02 + 0.98 * fall)
