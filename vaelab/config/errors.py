"""Errors that a user can cause. Each message names the thing, the rule, what came and the way out.

VaeLabError
├── ConfigError        a setting that cannot be used (also a ValueError)
├── DataError          a data set that is unknown, absent, empty or broken
│   └── ImageError     one image that cannot be read
├── RunError           a run that is missing, busy or cannot be written
├── AccessError        something that is not this person's to do
├── WeightsError       weights that are unreadable, not finite or of another model
└── ExportError        a model that cannot be written in the asked format
"""


class VaeLabError(Exception):
    """Base of every error whose message is written for the user: one sentence, no traceback needed."""


class ConfigError(VaeLabError, ValueError):
    """A setting that cannot be used."""


class DataError(VaeLabError):
    """A data set that is unknown, absent, empty or broken."""


class ImageError(DataError):
    """One image that cannot be read."""


class RunError(VaeLabError):
    """A run that is missing, busy or cannot be written."""


class AccessError(VaeLabError):
    """Something that is not this person's to do."""


class WeightsError(VaeLabError):
    """Weights that are unreadable, not finite or of another model."""


class ExportError(VaeLabError):
    """A model that cannot be written in the asked format."""
