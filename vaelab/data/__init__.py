"""Data sets as numpy arrays: named ones, drawn ones, and folders of the user's own images. Nothing here imports torch.

`load` answers a `Dataset` of uint8 images in 0-255, (N, C, H, W); models divide by 255 and see values in [0, 1].
May import config and images.
"""

from vaelab.data.catalog import count, info, is_available, label_names, labels_of, load, names
from vaelab.data.downloads import DownloadCancelled, download
from vaelab.data.paths import data_root
from vaelab.data.types import Dataset, DatasetInfo, Images
from vaelab.data.uploads import import_zip, uploaded

__all__ = [
    "Dataset",
    "DatasetInfo",
    "DownloadCancelled",
    "Images",
    "count",
    "data_root",
    "download",
    "import_zip",
    "info",
    "is_available",
    "label_names",
    "labels_of",
    "load",
    "names",
    "uploaded",
]
