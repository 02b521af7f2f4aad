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


def unexpected(error: Exception, log: str) -> str:
    """The sentence for an error of a training that is none of ours. log: where its traceback stands."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "allocate memory" in str(error):
        return "The memory is not enough for this training (lower the batch size, or take smaller images)."
    return f"Training ended with an unexpected {type(error).__name__}: {error} (details are in {log})."
