"""What a network, a method or a setting is called and what it does, in both languages, beside its code: one file holds all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A title and a sentence of help in English, and the same in Chinese."""

    title: str
    help: str
    title_zh: str
    help_zh: str

    def titled(self, language: str) -> str:
        """The title in a language; English stands in for one that is not there."""
        return self.title_zh if language == "zh" else self.title

    def helped(self, language: str) -> str:
        """The sentence of help in a language."""
        return self.help_zh if language == "zh" else self.help
