"""Weights from elsewhere: a tutorial's state dict gives the tutorial's numbers here, and what does not fit is named."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_shell import Shell
from safetensors.torch import save_file
from torch import nn

from vaelab.analysis import inference
from vaelab.config.errors import WeightsError
from vaelab.models.foreign import fit, read_state
from vaelab.models.latent_model import build
from vaelab.runs import store
from vaelab.runs.plan import plan


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.manual_seed(0)


class Tutorial(nn.Module):
    """3072 -> 128 -> 2 x 16 | 16 -> 128 -> 3072, with one head, as courses write it."""

    def __init__(self) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(3072, 128), nn.ReLU(), nn.Linear(128, 32))
        self.dec = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 3072), nn.Sigmoid())

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        parts = self.enc(x.flatten(1)).view(-1, 2, 16)
        return parts[:, 0], parts[:, 1]

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.dec(z).view(-1, 3, 32, 32)


class TwoHeads(Tutorial):
    """The same with a head each, the log-variance written first, and a counter as BatchNorm has it."""

    def __init__(self) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(3072, 128), nn.ReLU())
        self.fc_logvar, self.fc_mu = nn.Linear(128, 16), nn.Linear(128, 16)
        self.register_buffer("norm.num_batches_tracked".replace(".", "_"), torch.tensor(3))
        self.dec = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 3072), nn.Sigmoid())

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.enc(x.flatten(1))
        return self.fc_mu(h), self.fc_logvar(h)


def shapes_of(name: str = "linear-vae", **settings: Any) -> dict[str, tuple[int, ...]]:
    model = build(plan("pixel-faces", name, **settings).model)
    return {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.startswith("code_")}


def same_numbers(module: Tutorial, run: store.Run) -> None:
    model = inference.load_run(run)
    x, z = torch.rand(5, 3, 32, 32), torch.randn(5, 16)
    with torch.no_grad():
        q, (mu, logvar) = model.encode(x), module.encode(x)
        assert torch.allclose(q.mean, mu, atol=1e-6)
        assert torch.allclose(q.logvar, logvar, atol=1e-6)
        assert torch.allclose(model.decode(z), module.decode(z), atol=1e-6)


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("kind", "wrapped"),
    [(Tutorial, "plain"), (Tutorial, "module"), (TwoHeads, "checkpoint"), (TwoHeads, "safetensors")],
)
def test_a_tutorials_weights_give_its_numbers(shell: Shell, tmp_path: Path, kind: type[Tutorial], wrapped: str) -> None:
    module = kind()
    state = module.state_dict()
    file = tmp_path / ("mine.safetensors" if wrapped == "safetensors" else "mine.pth")
    if wrapped == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
    elif wrapped == "module":
        torch.save({f"module._orig_mod.{name}": tensor for name, tensor in state.items()}, file)
    else:
        torch.save(state if wrapped == "plain" else {"epoch": 3, "state_dict": state}, file)
    answer = shell.json("import", file, "--model", "linear-vae", "--dataset", "pixel-faces")
    assert answer["run"] == "mine"
    run = store.find("mine")
    same_numbers(module, run)
    assert run.status().state == "finished"
    assert answer["test"] == inference.evaluate(run)
    assert shell.json("evaluate", "mine") == answer["test"]
    heads = [theirs for theirs, ours in answer["taken"].items() if ours == "head.2.weight"]
    assert heads == (["enc.2.weight"] if kind is Tutorial else ["fc_mu.weight+fc_logvar.weight"])
    assert answer["left"] == ([] if kind is Tutorial else ["norm_num_batches_tracked"])


@pytest.mark.usefixtures("places")
def test_every_one_of_our_own_models_comes_in_again(shell: Shell, tmp_path: Path) -> None:
    for name in ("conv-vae", "autoencoder"):
        cfg = plan("pixel-faces", name)
        state = build(cfg.model).state_dict()
        torch.save(
            {
                f"net{k}.{key.rsplit('.')[-1]}": tensor
                for k, (key, tensor) in enumerate(state.items())
                if "code_" not in key
            },
            tmp_path / f"{name}-x.pt",
        )
        shell("import", tmp_path / f"{name}-x.pt", "--model", name, "--dataset", "pixel-faces")
        ours = inference.load_run(store.find(f"{name}-x")).state_dict()
        assert all(torch.equal(ours[key], tensor) for key, tensor in state.items() if "code_" not in key)
        if name == "autoencoder":  # it has no prior: what is drawn around its codes is measured on the images
            assert not torch.equal(ours["code_mean"], state["code_mean"])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_converted(kind: torch.dtype) -> None:
    state = {name: tensor.to(kind) for name, tensor in Tutorial().state_dict().items()}
    fitted = fit(state, shapes_of(), {}, "mine.pth")
    assert all(tensor.dtype == torch.float32 for tensor in fitted.tensors.values())
    assert torch.equal(fitted.tensors["decoder.2.bias"], state["dec.2.bias"].float())


def test_a_name_can_be_given() -> None:
    """Two layers of one shape in the other order: shapes alone would take the wrong one."""
    state = {"b": torch.full((4, 4), 2.0), "a": torch.full((4, 4), 1.0)}
    shapes = {"first": (4, 4), "second": (4, 4)}
    assert float(fit(state, shapes, {}, "f").tensors["first"][0, 0]) == 2.0
    assert float(fit(state, shapes, {"a": "first"}, "f").tensors["first"][0, 0]) == 1.0
    joined = fit({"x": torch.zeros(2, 3), "y": torch.ones(2, 3)}, {"head": (4, 3)}, {"y+x": "head"}, "f")
    assert joined.tensors["head"][:, 0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_biases_of_one_size_follow_their_weights() -> None:
    """In the order of the alphabet, as safetensors has it, the second layer's bias comes first."""
    module = Tutorial()
    ours = shapes_of()
    names = {"enc.0": "fc1", "enc.2": "fc2", "dec.0": "a_fc3", "dec.2": "fc4"}
    state = {
        f"{names[key.rsplit('.', 1)[0]]}.{key.rsplit('.', 1)[1]}": value for key, value in module.state_dict().items()
    }
    fitted = fit(dict(sorted(state.items())), ours, {}, "mine.safetensors")
    for theirs, mine in (("enc.0", "head.0"), ("enc.2", "head.2"), ("dec.0", "decoder.0"), ("dec.2", "decoder.2")):
        for part in ("weight", "bias"):
            assert torch.equal(fitted.tensors[f"{mine}.{part}"], module.state_dict()[f"{theirs}.{part}"]), mine


def test_layers_are_counted_and_not_spelled() -> None:
    state = {f"layers.{k}.weight": torch.full((2, 2), float(k)) for k in (0, 10, 2)}
    fitted = fit(dict(sorted(state.items())), {"a": (2, 2), "b": (2, 2), "c": (2, 2)}, {}, "f")
    assert [float(fitted.tensors[name][0, 0]) for name in "abc"] == [0.0, 2.0, 10.0]


def test_a_digit_that_is_no_number_in_a_name_is_spelled() -> None:
    """Python calls a superscript a digit, and int() refuses it, as it does thousands of digits."""
    state = {f"0{digits}.weight": torch.full((2, 2), 1.0) for digits in ("7" * 5000, "²1")}
    assert set(fit(state, {"a": (2, 2), "b": (2, 2)}, {}, "f").tensors) == {"a", "b"}


def test_a_head_of_standard_deviations_is_not_taken_for_a_log_variance() -> None:
    state = {"fc_mu.weight": torch.zeros(2, 3), "fc_std.weight": torch.ones(2, 3)}
    with pytest.raises(WeightsError, match=r"head must have the shape \(4, 3\)"):
        fit(state, {"head": (4, 3)}, {}, "f")


def test_a_checkpoint_with_a_loss_beside_its_state_dict(tmp_path: Path) -> None:
    torch.save({"loss": torch.tensor(1.5), "state_dict": {"a": torch.zeros(2)}}, tmp_path / "c.pth")
    assert list(read_state(tmp_path / "c.pth")) == ["a"]


def changed(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**Tutorial().state_dict(), name: tensor}


@pytest.mark.parametrize(
    ("state", "renamed", "sentence"),
    [
        (changed("dec.0.weight", torch.zeros(128, 8)), {}, r"decoder.0.weight must have the shape \(128, 16\), and the next tensor, dec.0.weight, has \(128, 8\)"),
        (changed("dec.2.bias", torch.zeros(3072, dtype=torch.int64)), {}, "dec.2.bias must hold floating-point numbers, got int64"),
        (changed("dec.2.bias", torch.full((3072,), float("nan"))), {}, "dec.2.bias holds NaN or infinity"),
        (changed("extra", torch.zeros(7)), {}, r"holds 1 tensors that the model has not, the first is extra of shape \(7,\)"),
        (Tutorial().state_dict(), {"nobody": "head.0.bias"}, "has no tensor 'nobody' to map from"),
        (Tutorial().state_dict(), {"enc.0.bias": "nowhere"}, "the model has no tensor 'nowhere' to map to"),
        (Tutorial().state_dict(), {"enc.0.bias": "head.0.weight"}, r"head.0.weight must have the shape \(128, 3072\), and enc.0.bias has \(128,\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(state: dict[str, torch.Tensor], renamed: dict[str, str], sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        fit(state, shapes_of(), renamed, "mine.pth")


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("touched"),))


@pytest.mark.usefixtures("places")
def test_nothing_is_unpickled_and_a_refusal_leaves_nothing(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"a": Evil()}))
    torch.save(Tutorial(), tmp_path / "whole.pth")  # the module itself, as some tutorials save it
    (tmp_path / "noise.pth").write_bytes(b"not weights")
    torch.save({"epoch": 1}, tmp_path / "empty.pth")
    torch.save(changed("dec.0.weight", torch.zeros(128, 8)), tmp_path / "other.pth")
    for name, sentence in (
        ("evil", "opening it would run code"),
        ("whole", "opening it would run code"),
        ("noise", "it is no file of weights"),
        ("empty", "must hold a state dict"),
        ("other", "must have the shape"),
        ("absent", "there is none"),
    ):
        said = shell.refuses("import", tmp_path / f"{name}.pth", "--model", "linear-vae", "--dataset", "pixel-faces")
        assert sentence in said, (name, said)
    assert not (tmp_path / "touched").exists()
    assert store.list_runs() == []
    with pytest.raises(WeightsError):
        read_state(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"root:x:0:0:root:/root:/bin/sh\n",  # IndexError of torch's reader
        b"X",  # struct.error
        b"\x8fKKbL(\xbfq",  # AttributeError
        b"j(\xbc\x02a",  # KeyError
        b"X\xd3\xe8}1\xb3(N\xf3\xcd}q",  # UnicodeDecodeError
        b"",
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_anything_else_is_refused_with_a_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / f"other{suffix}").write_bytes(content)
    with pytest.raises(WeightsError, match="must be a PyTorch state dict or a safetensors file"):
        read_state(tmp_path / f"other{suffix}")
