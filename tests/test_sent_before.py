"""A large element is told by its hash only where the browser still has it when that arrives."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import create_reference_msg, populate_hash_if_needed

from vaelab.ui.sent_before import SentBefore

LARGE = 20_000  # bytes
PAGE = ""  # instead of a fragment
FRAGMENTS = ("map", "clock")


def element(name: str, fragment: str = PAGE) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.text.body = name * LARGE
    message.delta.fragment_id = fragment
    populate_hash_if_needed(message)
    return message


def begin() -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = "app"
    return message


def end(fragment: str = PAGE, status: ForwardMsg.ScriptFinishedStatus.ValueType | None = None) -> ForwardMsg:
    message = ForwardMsg()
    success = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY if fragment else ForwardMsg.FINISHED_SUCCESSFULLY
    message.script_finished = success if status is None else status
    message.metadata.run.script_run_id = "run"
    message.metadata.run.fragment_ids.extend([fragment] if fragment else [])
    return message


class Browser:
    """The cache of large elements as Streamlit 1.67 keeps it in the browser, and the messages on their way there."""

    def __init__(self) -> None:
        self.ends = 0
        self.kept: dict[str, tuple[int, str]] = {}
        self.has_begun = False
        self.coming: deque[ForwardMsg] = deque()
        self.missed: list[str] = []

    def asks(self) -> list[str]:
        self.has_begun = False
        return list(self.kept)

    def arrive(self) -> None:
        message = self.coming.popleft()
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.has_begun = True
        elif kind == "script_finished":
            if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN and self.has_begun:
                self.ends += 1
                run = message.metadata.run.fragment_ids
                for key, (ends, fragment) in list(self.kept.items()):
                    if (not run or (fragment and fragment in run)) and self.ends - ends > config.get_option(
                        "global.maxCachedMessageAge"
                    ):
                        del self.kept[key]
        elif kind == "ref_hash":
            if message.ref_hash not in self.kept:
                self.missed.append(message.ref_hash)
            else:
                self.kept[message.ref_hash] = (self.ends, self.kept[message.ref_hash][1])
        elif message.metadata.cacheable:
            fragment = self.kept.get(message.hash, (0, message.delta.fragment_id))[1]
            self.kept[message.hash] = (self.ends, fragment)


class AsAsked:
    """Streamlit's own rule: what the request for the run had listed."""

    def __init__(self) -> None:
        self.listed: set[str] = set()

    def heard(self, hashes: list[str]) -> None:
        self.listed = set(hashes)

    def shortened(self, message: ForwardMsg) -> ForwardMsg:
        if message.metadata.cacheable and message.hash in self.listed:
            return create_reference_msg(message)
        return message


def play(rule: SentBefore | AsAsked, seed: int) -> Iterator[tuple[Browser, ForwardMsg]]:
    """A browser, a busy server and a slow way between them: each message that is sent, once the browser has all that came before a pause."""
    chance = random.Random(seed)
    browser = Browser()
    elements = {of: [element(f"{of or 'page'}{k}", of) for k in range(4)] for of in (PAGE, *FRAGMENTS)}
    asked: deque[tuple[str, list[str]]] = deque()
    for _ in range(120):
        for _ in range(chance.choice([1, 1, 2, 3])):
            asked.append((chance.choice([PAGE, *FRAGMENTS]), browser.asks()))
        while asked:
            fragment, hashes = asked.popleft()
            rule.heard(hashes)
            drawn = [chance.choice(elements[fragment])] if chance.random() < 0.8 else []
            if fragment == PAGE:
                drawn += [chance.choice(elements[of]) for of in FRAGMENTS if chance.random() < 0.7]
            is_stopped = chance.random() < 0.1
            last = end(fragment, ForwardMsg.FINISHED_EARLY_FOR_RERUN if is_stopped else None)
            for message in (begin(), *drawn, last):
                sent = rule.shortened(message)
                browser.coming.append(sent)
                yield browser, sent
                while browser.coming and chance.random() < 0.3:
                    browser.arrive()
        while browser.coming and chance.random() < 0.9:
            browser.arrive()
    while browser.coming:
        browser.arrive()
    yield browser, begin()


@pytest.mark.parametrize("seed", range(20))
def test_the_browser_has_what_is_told_by_its_hash(seed: int) -> None:
    short = 0
    for browser, sent in play(SentBefore(), seed):
        short += sent.HasField("ref_hash")
        assert browser.missed == []
    found = 0
    for other, sent in play(AsAsked(), seed):
        found += sent.HasField("ref_hash") - len(other.missed)
        other.missed.clear()
    assert short > 0.7 * found, f"{short} by their hashes, {found} rightly by Streamlit's own rule: the cache is of use"


def test_what_the_request_listed_is_not_always_there_any_more() -> None:
    """So the game above is one that can be lost."""
    games = [[len(browser.missed) for browser, _ in play(AsAsked(), seed)] for seed in range(20)]
    assert max(missed[-1] for missed in games) > 0


def test_an_element_that_comes_back_between_two_requests() -> None:
    """A slider of the map moved to and fro on a busy machine: the second request listed what the first one's end takes away."""
    sent, to, fro = SentBefore(), element("to", "map"), element("fro", "map")
    arrived = [sent.shortened(to)]
    for _ in range(3):
        arrived.append(sent.shortened(end("map")))
    sent.heard([to.hash])  # asks for `fro`, then for `to`
    arrived += [sent.shortened(fro), sent.shortened(end("map")), sent.shortened(to)]
    assert not arrived[-1].HasField("ref_hash")
    sent.heard([to.hash, fro.hash])
    assert sent.shortened(to).ref_hash == to.hash
    assert sent.shortened(fro).ref_hash == fro.hash


def test_what_was_lost_with_a_connection_or_sent_by_another_server_comes_whole() -> None:
    sent, chart = SentBefore(), element("chart")
    sent.shortened(chart)
    sent.heard([])  # the browser is back, and had not got it
    assert not sent.shortened(chart).HasField("ref_hash")
    sent.heard([chart.hash, "of another server"])
    reference = sent.shortened(chart)
    assert reference.ref_hash == chart.hash
    assert not reference.metadata.cacheable
    small = ForwardMsg()
    small.delta.new_element.text.body = "small"
    populate_hash_if_needed(small)
    for _ in range(2):
        sent.heard([small.hash])
        assert sent.shortened(small) is small
