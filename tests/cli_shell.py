"""The command line within a test: a command is run in this process, and what it printed is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaelab.cli import main

TINY = ["--dataset", "digits", "--batch-size", "32", "--limit", "96", "--device", "cpu", "--latent-dim", "4"]


class Shell:
    """Runs a command in this process and reads what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """stdout; stderr instead for a code other than 0."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        assert end.value.code == code, printed.out + printed.err
        return printed.err if code else printed.out

    def json(self, *arguments: object) -> dict[str, Any]:
        """The JSON object on the last line."""
        found: dict[str, Any] = json.loads(self(*arguments, "--json").splitlines()[-1])
        return found

    def refuses(self, *arguments: object) -> str:
        """The one sentence on stderr of a command that ends with 2."""
        message = self(*arguments, code=2)
        assert message.startswith("vaelab: ")
        assert message.count("\n") == 1, message
        assert "Traceback" not in message
        return message
