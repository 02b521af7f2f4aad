"""What a tree of images means: which of its folders are classes, which are splits. One rule for folders and zips.

| tree | read as |
|---|---|
| a.png | no classes |
| CLASS/a.png | a class for each folder; files beside the folders form one of their own |
| train/CLASS/a.png, val/CLASS/a.png | the split is given: what lies in val and test is held out |
| TOP/(any of these) | the same: a folder that everything shares says nothing |
| CLASS/deeper/still/a.png | the first folder below the split is the class |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRAIN = ("train", "training")
HELD_OUT = ("val", "valid", "validation", "test", "testing")
LOOSE = "no sub-folder"
Folders = tuple[str, ...]  # the names of the folders above a file, outermost first


@dataclass(frozen=True)
class Layout:
    """labels: a row of `classes` for each file, -1 without classes; held_out: whether a file is kept for testing, None: no split is given."""

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    held_out: tuple[bool, ...] | None
    splits: tuple[str, ...]  # the folders that are held out, as they are written


def understand(files: Sequence[Folders]) -> Layout:
    """The layout of a tree. files: the folders above each file."""
    below = _without_shared(files)
    held_out, splits = _split(below)
    if held_out is not None:
        below = _without_shared([folders[1:] for folders in below])
    names = sorted({folders[0] for folders in below if folders})
    classes = (*names, *((LOOSE,) if names and not all(below) else ()))
    place = {name: row for row, name in enumerate(classes)}
    labels = tuple(place[folders[0] if folders else LOOSE] if classes else -1 for folders in below)
    return Layout(classes, labels, held_out, splits)


def _without_shared(files: Sequence[Folders]) -> list[Folders]:
    """The folders without those at the top that every file lies in."""
    left = list(files)
    while left and all(left) and len({folders[0] for folders in left}) == 1:
        left = [folders[1:] for folders in left]
    return left


def _split(files: Sequence[Folders]) -> tuple[tuple[bool, ...] | None, tuple[str, ...]]:
    """Whether each file is held out, where the top folders are train and at least one of val and test; None elsewhere."""
    tops = {folders[0] if folders else "" for folders in files}
    lower = {top.lower() for top in tops}
    if not lower & set(TRAIN) or not lower & set(HELD_OUT) or not lower <= {*TRAIN, *HELD_OUT}:
        return None, ()
    held = tuple(folders[0].lower() in HELD_OUT for folders in files)
    return held, tuple(sorted(top for top in tops if top.lower() in HELD_OUT))
