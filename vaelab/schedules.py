"""KL warm-up as a pure function of the step."""

from __future__ import annotations

from vaelab.config import ScheduleConfig


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
