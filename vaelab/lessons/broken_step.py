"""One line of the training step broken: the step's own source with that line replaced, compiled and run. What is shown is what runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from vaelab.lessons import one_step as whole

Step = Callable[..., Iterator[whole.Stop]]


@dataclass(frozen=True)
class Break:
    """line: as one_step has it; broken: what is put in its place. Nothing complains about any of them."""

    line: str
    broken: str


BREAKS = {
    "half": Break("sigma = torch.exp(0.5 * q.logvar)", "sigma = torch.exp(q.logvar)"),
    "noise": Break("z = q.mu + sigma * eps", "z = q.mu"),
    "mean": Break("recon = bernoulli_recon(logits, x)", "recon = bernoulli_recon(logits, x) / 3072"),
    "sign": Break("loss = (recon + beta * kl).mean()", "loss = (recon - beta * kl).mean()"),
    "zero": Break("optimizer.zero_grad(set_to_none=True)", "# optimizer.zero_grad()"),
    "step": Break("optimizer.step()", "# optimizer.step()"),
}


@cache
def broken_source(name: str) -> str:
    """The source of one_step with one line broken. name: of BREAKS, or "" for the whole one."""
    source = inspect.getsource(whole.one_step)
    if not name:
        return source
    it = BREAKS[name]
    if source.count(f"    {it.line}\n") + source.count(f"    {it.line}  #") != 1:
        raise LookupError(f"one_step must have the line {it.line!r} once")
    return source.replace(it.line, it.broken)


@cache
def broken_step(name: str) -> Step:
    """one_step with one line broken, ready to run; the whole one for ""."""
    if not name:
        return whole.one_step
    names: dict[str, Any] = dict(vars(whole))
    exec(compile(broken_source(name), f"<one_step with {name} broken>", "exec"), names)
    found: Step = names["one_step"]
    return found
