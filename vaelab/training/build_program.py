"""Builds a step's program: `python -m vaelab.training.build_program`, a recipe on its standard input, one line for the log on its output.

It runs beside the training at a low priority. What it built is tried here, on a model of its own: whether it computes the eager
gradient, and how many times as fast a step is with it. Only one that is worth it is kept; the others are remembered, so that they
are not built again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from vaelab.config.places import programs_root
from vaelab.models.device import flush_denormals
from vaelab.models.latent_model import LatentModel
from vaelab.runs.files import write_json
from vaelab.training.compiled_step import CompiledStep
from vaelab.training.first_weights import lay_out, new_model
from vaelab.training.measures import Meter
from vaelab.training.step import Step, optimizer_for
from vaelab.training.step_program import FACTS, LIBRARY, Gradient, Program, Recipe, find, gradient_of, inputs_of

WORTH = 1.1  # times as fast as the eager step; below it the program is not kept
TOLERANCE = 1e-4  # of a tensor's largest element: what other orders of summation may change
# A tenth of each core that a training has: at the lowest, 19, a build of half a minute was never seen to end beside one.
NICENESS = 10
KEPT = 100  # programs, of 2 MB each
REPEATS = 7
PART_SECONDS = 24 * 3600.0  # no build takes so long
MOST_SECONDS = 20.0  # of CPU for all timing

Batch = tuple[Tensor, Tensor | None, Tensor | None]


def build(recipe: Recipe) -> Program:
    """Build, try and keep the program of a recipe; the one that is there already, if another process was first.

    Raises whatever torch raises where it cannot trace or compile, and RuntimeError where the program computes something else.
    """
    name, root = recipe.name, programs_root()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=root))
    try:
        model = _model(recipe)
        library = part / LIBRARY
        compile_gradient(model, recipe, library)
        library.chmod(0o600)
        gradient = Program(name, 1.0, library).load()
        _check(model, recipe, gradient)
        speedup = _speedup(model, recipe, gradient)
        if speedup < WORTH:
            library.unlink()
        write_json(part / FACTS, {"speedup": round(speedup, 2)})
        with contextlib.suppress(OSError):  # another was first: its program stays, since runs may hold it already
            os.rename(part, root / name)
        _forget_oldest(root)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    found = find(name)
    if found is None:
        raise RuntimeError(f"{root / name} cannot be read")
    return found


def compile_gradient(model: LatentModel, recipe: Recipe, library: Path) -> None:
    """Trace the gradient of a batch and compile it to a file."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(programs_root() / "inductor"))  # headers compiled once: 20 s
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch 2.13 uses what it tells others to replace
        import torch._inductor

        inputs = inputs_of(model, torch.ones(()), *_batch(recipe, 0))
        graph = make_fx(gradient_of(model, recipe))(*inputs)
        program = torch.export.export(graph, tuple(inputs))
        torch._inductor.aoti_compile_and_package(program, package_path=str(library))


def _model(recipe: Recipe) -> LatentModel:
    model = new_model(recipe.cfg.model, 0).train()
    lay_out(model)
    return model


def _batch(recipe: Recipe, seed: int) -> Batch:
    """A batch of noise that lies in memory as the training's do."""
    cfg, draw = recipe.cfg.model, torch.Generator().manual_seed(seed)
    x = torch.empty_strided(recipe.shape, recipe.strides).uniform_(generator=draw)
    y = None if cfg.label is None else torch.randint(cfg.classes, (len(x),), generator=draw)
    shape = cfg.method.noise_shape(cfg)
    return x, y, None if shape is None else torch.randn((len(x), *shape), generator=draw)


def _check(model: LatentModel, recipe: Recipe, gradient: Gradient) -> None:
    """Raises RuntimeError where a program's gradient of another batch, with another beta, is not the eager one."""
    inputs = inputs_of(model, torch.tensor(0.7), *_batch(recipe, 1))
    expected, found = gradient_of(model, recipe)(*inputs), gradient(*inputs)
    for one, other in zip(expected, found, strict=True):
        size = float(one.abs().max()) if one.numel() else 0.0
        if not torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE * size):
            raise RuntimeError("the compiled step computes another gradient than the eager one")


def _speedup(model: LatentModel, recipe: Recipe, gradient: Gradient) -> float:
    """CPU time of an eager step against that of a compiled one, the least of several each, in turns."""
    cfg, batch = recipe.cfg, _batch(recipe, 2)
    parts = model, cfg, optimizer_for(model, cfg, torch.device("cpu")), Meter(cfg.model, torch.device("cpu"))
    contestants = (Step(*parts), CompiledStep(*parts, recipe, gradient))
    times: list[list[float]] = [[], []]
    begin = time.process_time()
    for k in range(REPEATS + 1):
        for step, found in zip(contestants, times, strict=True):
            found.append(_seconds(lambda step=step: step(*batch, 1.0, 1e-4)))  # type: ignore[misc]
        if k and time.process_time() - begin > MOST_SECONDS:
            break
    eager, compiled = (min(found[1:]) for found in times)  # the first ones warm up
    return eager / compiled


def _seconds(step: Callable[[], None]) -> float:
    """Of CPU, for one step: the mean over about 0.1 s."""
    begin, done = time.process_time(), 0
    while (passed := time.process_time() - begin) < 0.1 or done == 0:
        step()
        done += 1
    return passed / done


def _forget_oldest(root: Path) -> None:
    """Also what builds left that were ended with their training."""
    for part in root.glob("*.part-*"):
        if time.time() - part.stat().st_mtime > PART_SECONDS:
            shutil.rmtree(part, ignore_errors=True)
    folders = [folder for folder in root.iterdir() if (folder / FACTS).is_file()]
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Build the recipe on standard input; says in one line how it went."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
        with contextlib.suppress(OSError):  # Linux weighs whole sessions first, and this is one
            Path("/proc/self/autogroup").write_text(str(NICENESS))
    recipe = Recipe.from_json(sys.stdin.read())
    torch.set_num_threads(recipe.threads)
    flush_denormals()
    try:
        program = build(recipe)
    except Exception as error:  # torch raises of every kind: no compiler, an operation that it cannot trace
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        print(f"no compiled step for this training: {reason[:300]}")
        return 1
    kept = "is kept" if program.library else "is not used"
    print(f"a compiled step is {program.speedup:.2f} times as fast as the eager one and {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
