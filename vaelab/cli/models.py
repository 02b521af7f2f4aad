"""Commands that use a trained model: encode, decode, sample, export. Torch is imported inside them, not before."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from vaelab import data
from vaelab.analysis import latent_text
from vaelab.cli.output import json_option, print_json, run_argument
from vaelab.config.errors import ConfigError, ImageError, RunError, VaeLabError
from vaelab.export import formats
from vaelab.images import files
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SAMPLES = 4096
OUTPUT = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The file to write."
)
CLASS = click.option(
    "--class", "class_name", metavar="NAME", help="The label's value, by name or number; for a conditional model only."
)


@click.command()
@run_argument
@click.argument("images")
@CLASS
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a table of a whole folder or data set: FILE.csv, .npz or .parquet.",
)
@click.option(
    "--split",
    type=click.Choice(["test", "train", "all"]),
    help="Which images of a data set; test unless said. A folder is taken whole.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N images only.")
@click.option("--pca", is_flag=True, help="Add the coordinates of a PCA map.")
@click.option("--tsne", is_flag=True, help="Add the coordinates of a t-SNE map.")
@json_option
def encode(
    run_name: str,
    images: str,
    class_name: str | None,
    output: Path | None,
    split: str | None,
    limit: int | None,
    pca: bool,
    tsne: bool,
    as_json: bool,
) -> None:
    """Encode IMAGES: print the code of one image file, or write those of a folder or a data set into a table with -o."""
    if output is not None:
        _encode_all(run_name, images, output, split, limit, pca=pca, tsne=tsne, as_json=as_json)
        return
    if images in data.names() or Path(images).is_dir():
        raise click.UsageError(f"a whole set of images is written into a table: add -o codes.csv, got {images!r} alone")
    from vaelab.analysis import inference

    run = store.find(run_name)
    cfg = run.config()
    y = _class_of(cfg, class_name, 1)
    try:
        content = Path(images).read_bytes()
    except OSError as error:
        raise ImageError(f"{images} cannot be read ({error.strerror}); give the path of an image file") from error
    pixels = files.to_pixels(files.open_image(content), cfg.model.image_size, cfg.model.channels)
    mu, logvar = inference.encode(inference.load_run(run), pixels[None], y)
    with np.errstate(over="ignore"):  # of weights that diverged
        sigma = [] if logvar is None else np.exp(0.5 * logvar[0])
    for i, value in enumerate(mu[0]):
        spread = "" if logvar is None else f"  logvar {logvar[0, i]:+.4f}  sigma {sigma[i]:.4f}"
        click.echo(f"z[{i}]  mu {value:+.4f}{spread}")
    if as_json:
        print_json({"mu": mu[0].tolist(), "logvar": None if logvar is None else logvar[0].tolist()})


def _encode_all(
    run_name: str,
    images: str,
    output: Path,
    split: str | None,
    limit: int | None,
    *,
    pca: bool,
    tsne: bool,
    as_json: bool,
) -> None:
    """Write the codes of a data set or of a folder, and say what was written."""
    from vaelab.export import codes

    codes.format_of(output)  # before the work
    if not output.absolute().parent.is_dir():
        raise RunError(f"{output.parent} must be a folder, for {output.name} to be written into it; make it first")
    is_set = images in data.names()
    source = images if is_set or images.startswith("folder:") else f"folder:{images}"
    chosen: codes.Split = split or ("test" if is_set else "all")  # type: ignore[assignment]
    run = store.find(run_name)
    frame = codes.codes_of(run, source, chosen, limit, pca=pca, tsne=tsne)
    codes.write(frame, output)
    click.echo(f"{output}: {len(frame):,} images, columns {', '.join(map(str, frame))}")
    if as_json:
        print_json({"path": str(output), "images": len(frame), "columns": list(frame)})


@click.command()
@run_argument
@click.option(
    "--z", "z_text", required=True, metavar='"0,0,..."', help="The latent vector, numbers with commas between."
)
@CLASS
@OUTPUT
@json_option
def decode(run_name: str, z_text: str, class_name: str | None, output: Path, as_json: bool) -> None:
    """Decode a latent vector z into an image file."""
    import numpy as np

    from vaelab.analysis import inference

    run = store.find(run_name)
    cfg = run.config()
    z = _numbers(z_text, cfg.model.latent_dim)
    pixels = inference.decode(inference.load_run(run), np.array([z], np.float32), _class_of(cfg, class_name, 1))
    _write_png(output, pixels[0])
    if as_json:
        print_json({"path": str(output), "z": z, "shape": list(pixels.shape[1:])})


@click.command()
@run_argument
@click.option(
    "-n", "count", type=click.IntRange(1, MOST_SAMPLES), default=64, show_default=True, help="How many images to draw."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=RunConfig.seed, show_default=True, help=RunConfig.help("seed")
)
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, 10.0),
    default=1.0,
    show_default=True,
    help="Spread of the draws; below 1 keeps nearer to the average image.",
)
@click.option("--flow", is_flag=True, help="Draw through the latent flow that `vaelab flow` has learned.")
@CLASS
@OUTPUT
@json_option
def sample(
    run_name: str,
    count: int,
    seed: int,
    temperature: float,
    flow: bool,
    class_name: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Draw images from the model's prior, or through its latent flow, and write them as one grid."""
    from vaelab.analysis import inference, latent_flow

    run = store.find(run_name)
    y = _class_of(run.config(), class_name, count)
    model = inference.load_run(run)
    if flow:
        field = latent_flow.read(_flow_file(run), run.config().model.classes)
        pixels = latent_flow.sample(field, model, count, seed=seed, y=y, temperature=temperature)
    else:
        pixels = inference.sample(model, count, seed=seed, y=y, temperature=temperature)
    _write_png(output, files.grid(pixels, columns=math.ceil(math.sqrt(count)), scale=1))
    if as_json:
        print_json({"path": str(output), "images": count, "seed": seed})


def _flow_file(run: store.Run) -> Path:
    """Where the run's flow lies. Raises RunError where none was learned for its weights."""
    from vaelab.workers import flow_worker

    file = flow_worker.field_file(flow_worker.query(run))
    if file is None:
        raise RunError(f"{run.name} has no latent flow for its weights yet; let one be learned: vaelab flow {run.name}")
    return file


@click.command("export")
@run_argument
@click.option("--format", "format", required=True, metavar="FORMAT", help=f"One of {', '.join(formats.FORMATS)}.")
@click.option(
    "--part",
    default="model",
    show_default=True,
    metavar="PART",
    help=f"For onnx: one of {', '.join(formats.PARTS)}. model goes from x through mu to x_hat.",
)
@OUTPUT
@json_option
def export_model(run_name: str, format: str, part: str, output: Path, as_json: bool) -> None:
    """Write the model for other programs, or for people.

    folder is what every command takes as RUN again, in the manner of Hugging Face; tensorboard has curves, pictures and codes as event
    files; html is one file with the living decoder, which opens in any browser without a network.
    """
    run = store.find(run_name)
    told: dict[str, object] = {}
    if format == "html" and part == "model":
        from vaelab.export import one_file

        made = one_file.write(run, output)
        told = {"precision": made.precision, "worst": made.worst}
    else:
        formats.write(run, format, output, part=part)
    written = [path for path in output.rglob("*") if path.is_file()] if output.is_dir() else [output]
    size = sum(path.stat().st_size for path in written)
    click.echo(f"{output}: {size:,} bytes" + (f" in {len(written)} files" if output.is_dir() else ""))
    if told:
        click.echo(
            f"weights in {told['precision']}: no pixel differs by more than {told['worst']:.1g} of 1 from the model's"
        )
    if as_json:
        print_json({"path": str(output), "format": format, "bytes": size, **told})


@click.command()
@run_argument
@OUTPUT
@json_option
def film(run_name: str, output: Path, as_json: bool) -> None:
    """Write a training as a film: map, curves, reconstructions and samples. FILE ends in .gif, .webp, .mp4 or .webm."""
    from vaelab.export import film_file

    written = film_file.write(store.find(run_name), output)
    click.echo(f"{written}: {written.stat().st_size:,} bytes")
    if as_json:
        print_json({"path": str(written), "bytes": written.stat().st_size})


def _numbers(text: str, count: int) -> list[float]:
    values = latent_text.read(",".join(text.replace(",", " ").split()), count)
    if values is None:
        raise ConfigError(f"--z must hold {count} finite numbers with commas between, got {text[:40]!r}")
    return values


def _class_of(cfg: RunConfig, name: str | None, count: int) -> NDArray[np.int64] | None:
    """The label as (count,) class indices; None for an unconditional model. Raises ConfigError."""
    import numpy as np

    label = cfg.model.label
    if label is None:
        if name is not None:
            raise ConfigError(f"--class needs a model with a label, got {name!r} for a model without one")
        return None
    names = data.label_names(data.info(cfg.data.name), label)
    wanted = {**{str(i): i for i in range(len(names))}, **{value: i for i, value in enumerate(names)}}
    if name not in wanted:
        got = "none" if name is None else repr(name)
        raise ConfigError(f"--class must be a value of the label {label}: {', '.join(names)}; got {got}")
    return np.full(count, wanted[name], np.int64)


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    try:
        path.write_bytes(files.png(pixels))
    except OSError as error:
        raise VaeLabError(
            f"{path} cannot be written ({error.strerror}); choose a folder that can be written"
        ) from error
    click.echo(f"{path}")


COMMANDS = (encode, decode, sample, export_model, film)
