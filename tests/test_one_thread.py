"""One image is computed in one thread, and nothing else is."""

import threading

import pytest
import torch

from vaelab.models import one_thread
from vaelab.models.one_thread import alone


@pytest.fixture
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    one_thread._worker.cache_clear()
    yield
    one_thread._worker.cache_clear()
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
def test_one_image_is_computed_in_one_thread_and_everything_else_in_all_of_them():
    assert alone(torch.get_num_threads) == 1
    assert torch.get_num_threads() == 2
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [2]
    assert alone(torch.get_num_threads) == 1


def test_arguments_answers_and_errors_pass():
    assert alone(divmod, 7, 2) == (3, 1)
    assert alone(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
    with pytest.raises(ZeroDivisionError):
        alone(divmod, 1, 0)
