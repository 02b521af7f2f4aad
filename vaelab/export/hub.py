"""Models on the Hugging Face hub: the folder of hub_folder.py, fetched and put there by the package huggingface_hub where it is installed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vaelab.config.errors import ExportError, RunError
from vaelab.runs.store import Run

HELD = ("config.json", "model.safetensors", "metrics.json", "latents.npz", "README.md")  # all that is ever fetched


def fetched(repository: str | Path, revision: str | None = None, token: str | None = None) -> Path:
    """The folder of a model: the one named, where there is one, else what the hub has of that name, in the cache of huggingface_hub.

    Raises ExportError, and RunError for a repository that holds no model of the lab.
    """
    folder = Path(repository)
    if not folder.is_dir():
        try:
            folder = Path(
                _hub().snapshot_download(str(repository), revision=revision, token=token, allow_patterns=list(HELD))
            )
        except Exception as error:  # no connection, no such name, no leave: what the package raises has no common root
            raise ExportError(f"{repository} cannot be fetched from the hub: {_first_line(error)}") from error
    if not (folder / "config.json").is_file():
        raise RunError(f"{repository} holds no model of VAE Lab: it must have a config.json and a model.safetensors")
    return folder


def pushed(run: Run, repository: str, private: bool = False, token: str | None = None) -> str:
    """Write a run's folder and upload it; returns the address of the repository. Raises ExportError, RunError, WeightsError."""
    from vaelab.export import formats

    hub = _hub()
    with TemporaryDirectory() as place:
        folder = formats.write(run, "folder", Path(place) / repository.rpartition("/")[2])
        try:
            api = hub.HfApi(token=token)
            address = api.create_repo(repository, private=private, exist_ok=True)
            api.upload_folder(repo_id=address.repo_id, folder_path=str(folder), commit_message=f"Add {run.name}")
        except Exception as error:
            raise ExportError(f"{run.name} cannot be put on the hub as {repository}: {_first_line(error)}") from error
    return str(address)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise ExportError("the hub needs the package huggingface_hub; pip install huggingface_hub") from error
    return huggingface_hub
