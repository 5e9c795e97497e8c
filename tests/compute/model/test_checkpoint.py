"""Each accepted form loads to the same logits; each broken one gives its message."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import resnet18

from tests.real_data import CLASS_NAMES
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.compute.model.head import ACTIVATIONS
from tracin.compute.model.stored import stored_classes
from tracin.compute.model.training_settings import training_settings
from tracin.errors import TracInError
from tracin.flags import HeadActivation
from tracin.images import ImageTable

State = dict[str, Tensor]


def logits(checkpoint: Checkpoint, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return checkpoint.last(checkpoint.hidden(checkpoint.backbone(images)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def state(model: nn.Module) -> State:
    return {key: value.clone() for key, value in model.state_dict().items()}


FORMS: dict[str, Callable[[State], Any]] = {
    "wrapped": lambda state: {f"model.{key}": value for key, value in state.items()},
    "plain": lambda state: state,
    "data parallel": lambda state: {f"module.{key}": value for key, value in state.items()},
    "both prefixes": lambda state: {f"module.model.{key}": v for key, v in state.items()},
    "under another prefix": lambda state: {f"backbone.{key}": v for key, v in state.items()},
    "averaged": lambda state: {
        "n_averaged": torch.tensor(5),
        **{f"module.{key}": value for key, value in state.items()},
    },
    "compiled": lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
    "under state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "under model_state_dict": lambda state: {"model_state_dict": state, "lr": 1e-3},
    "under model": lambda state: {"model": FORMS["wrapped"](state), "names": ["a"]},
    "without counters": lambda state: {
        key: value for key, value in state.items() if "num_batches" not in key
    },
    "positions 1, 4, 7": lambda state: {
        key.replace("fc.0", "fc.1").replace("fc.4", "fc.7").replace("fc.2", "fc.4"): value
        for key, value in state.items()
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_load_to_the_same_logits(
    form: str, state: State, model: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(FORMS[form](state), path)
    checkpoint = load_checkpoint(path, CLASS_NAMES)
    assert torch.equal(logits(checkpoint, images), model(images))
    assert checkpoint.head_widths == (2048, 512, 256, 10)
    assert (checkpoint.head_activation, checkpoint.head_activation_assumed) == ("leaky_relu", True)


def test_safetensors(state: State, model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    assert torch.equal(logits(load_checkpoint(path, CLASS_NAMES), images), model(images))


def test_single_linear(model: nn.Module, images: Tensor, tmp_path: Path) -> None:
    model = copy.deepcopy(model)
    model.fc = nn.Linear(2048, 10)
    torch.save(model.state_dict(), tmp_path / "plain.pth")
    checkpoint = load_checkpoint(tmp_path / "plain.pth", CLASS_NAMES)
    assert torch.equal(logits(checkpoint, images), model(images))
    assert checkpoint.layer == "fc"
    assert checkpoint.head_activation is None
    assert not checkpoint.head_activation_assumed


def test_neighbouring_linears_have_no_activation_between(
    model: nn.Module, images: Tensor, tmp_path: Path
) -> None:
    model = copy.deepcopy(model)
    model.fc = nn.Sequential(nn.Linear(2048, 64), nn.Linear(64, 10))
    torch.save(model.state_dict(), tmp_path / "two.pth")
    checkpoint = load_checkpoint(tmp_path / "two.pth", CLASS_NAMES)
    assert torch.equal(logits(checkpoint, images), model(images))
    assert checkpoint.head_activation is None


def test_every_choice_of_head_activation_is_known() -> None:
    assert set(ACTIVATIONS) == set(get_args(HeadActivation))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_head_activation(
    activation: HeadActivation, model: nn.Module, state: State, images: Tensor, tmp_path: Path
) -> None:
    others = [other for other in ACTIVATIONS if other != activation]
    stored = {"state_dict": state, "head_activation": others[0]}
    torch.save(stored, tmp_path / "w.pth")  # the flag comes first
    checkpoint = load_checkpoint(tmp_path / "w.pth", CLASS_NAMES, activation)
    model = copy.deepcopy(model)
    function = ACTIVATIONS[activation]()
    fc = model.fc
    assert isinstance(fc, nn.Sequential)
    model.fc = nn.Sequential(fc[0], function, fc[2], function, fc[4])
    assert torch.equal(logits(checkpoint, images), model(images))
    assert (checkpoint.head_activation, checkpoint.head_activation_assumed) == (activation, False)
    torch.save({**stored, "head_activation": activation}, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth", CLASS_NAMES)
    assert torch.equal(logits(checkpoint, images), model(images))
    assert (checkpoint.head_activation, checkpoint.head_activation_assumed) == (activation, False)


@pytest.mark.parametrize("value", ["mish", 3, None, torch.ones(2)])
def test_a_stored_head_activation_that_is_none(value: object, state: State, tmp_path: Path) -> None:
    torch.save({"state_dict": state, "head_activation": value}, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth", CLASS_NAMES)
    assert (checkpoint.head_activation, checkpoint.head_activation_assumed) == ("leaky_relu", True)


def test_what_stands_beside_the_weights_and_the_layer(state: State, tmp_path: Path) -> None:
    content = {"model_state_dict": FORMS["wrapped"](state), "lr": 1e-3, "epoch": 4}
    torch.save(content, tmp_path / "w.pth")
    checkpoint = load_checkpoint(tmp_path / "w.pth", CLASS_NAMES)
    assert checkpoint.extras == {"lr": 1e-3, "epoch": 4}
    assert checkpoint.layer == "model.fc.4"


def test_stored_class_names_must_be_the_folders(state: State, tmp_path: Path) -> None:
    content = {"state_dict": state, "class_names": list(CLASS_NAMES)}
    torch.save(content, tmp_path / "w.pth")
    load_checkpoint(tmp_path / "w.pth", CLASS_NAMES)
    others = [*CLASS_NAMES[:-1], "zebra"]
    with pytest.raises(TracInError, match=r"trained for the classes butterfly.*zebra.*--data_dir"):
        load_checkpoint(tmp_path / "w.pth", others)


@pytest.mark.parametrize("key", ["class_names", "classes", "class_to_idx", "idx_to_class"])
@pytest.mark.parametrize("beside", [True, False])
def test_outputs_are_matched_with_the_folders_by_name(
    key: str, beside: bool, state: State, tmp_path: Path
) -> None:
    """Under any usual key, in the file or beside it; the class weights are reordered with them."""
    trained = [*CLASS_NAMES[3:], *CLASS_NAMES[:3]]
    stored: dict[str, Any] = {
        "class_names": trained,
        "classes": tuple(trained),
        "class_to_idx": {name: output for output, name in enumerate(trained)},
        "idx_to_class": dict(enumerate(trained)),
    }
    facts = {key: stored[key], "class_weights": [float(output + 1) for output in range(10)]}
    path = tmp_path / "w.pth"
    torch.save({"state_dict": state} if beside else {"state_dict": state} | facts, path)
    if beside:
        path.with_suffix(".json").write_text(json.dumps(facts))
    plain = tmp_path / "plain.pth"
    torch.save(state, plain)
    mapped, as_it_is = (load_checkpoint(each, CLASS_NAMES) for each in (path, plain))
    features = torch.randn(5, 256, generator=torch.Generator().manual_seed(0))
    logits, expected = mapped.last(features), as_it_is.last(features)
    settings = training_settings(
        mapped,
        ImageTable(tmp_path, "train", (), np.zeros(0, np.int64), CLASS_NAMES),
        learning_rate=None,
        label_smoothing=None,
        class_weights=None,
    )
    assert settings.loss.class_weights is not None
    for label, name in enumerate(CLASS_NAMES):
        output = trained.index(name)
        torch.testing.assert_close(logits[:, label], expected[:, output])
        assert settings.loss.class_weights[label] == output + 1


@pytest.mark.parametrize(
    "value", [10, "cat", ["a", "a"], [0, 1], {"a": "b"}, {"a": 0, "b": 2}, {}, None]
)
def test_what_is_no_list_of_classes_is_passed_over(value: Any) -> None:
    assert stored_classes({"classes": value}) is None


def test_half_precision_weights_are_read_as_float32(state: State, tmp_path: Path) -> None:
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    torch.save(halves, tmp_path / "half.pth")
    assert load_checkpoint(tmp_path / "half.pth", CLASS_NAMES).last.weight.dtype == torch.float32


@pytest.mark.parametrize(
    "value",
    [10**400, 10**5000, [], torch.ones(3, device="meta"), torch.ones(2), "much", float("nan")],
    ids=["large", "very large", "empty", "meta", "two", "text", "nan"],
)
def test_a_stored_rate_that_is_no_rate_is_named(
    value: Any, checkpoint_path: Path, tmp_path: Path
) -> None:
    table = ImageTable(tmp_path, "train", (), np.zeros(0, np.int64), CLASS_NAMES)
    flags: dict[str, Any] = {"learning_rate": None, "label_smoothing": None, "class_weights": None}
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    for key in ("lr", "label_smoothing", "class_weights"):
        stored = dataclasses.replace(checkpoint, extras={key: value})
        with pytest.raises(TracInError, match=f"stores {key} = .*Set") as caught:
            training_settings(stored, table, **flags)
        assert len(str(caught.value)) < 400
    stored = dataclasses.replace(checkpoint, extras={"lr": None, "class_weights": None})
    assert training_settings(stored, table, **flags).source == "default"


class NeedsCode:
    """Something that ``weights_only=True`` must not load."""


def _without(state: State, *keys: str) -> State:
    return {key: value for key, value in state.items() if key not in keys}


def _with(state: State, key: str, value: Any) -> State:
    return {**state, key: value}


BROKEN: dict[str, tuple[Callable[[State], Any], str]] = {
    "missing key": (
        lambda s: _without(s, "layer4.0.conv1.weight"),
        r"1 missing key \(layer4.0.conv1",
    ),
    "unexpected key": (
        lambda s: _with(s, "criterion", torch.ones(1)),
        r"1 unexpected key \(criterion",
    ),
    "no head": (
        lambda s: {k: v for k, v in s.items() if not k.startswith("fc.")},
        "has no head",
    ),
    "a head of another name": (
        lambda s: (
            {k: v for k, v in s.items() if not k.startswith("fc.")}
            | {"classifier.weight": torch.ones(10, 2048), "classifier.bias": torch.ones(10)}
        ),
        r"a last layer that is not called fc: it may be classifier\.weight",
    ),
    "a head in a head": (
        lambda s: {k.replace("fc.", "fc.0."): v for k, v in s.items()},
        r"unexpected keys \(fc\.0\.0",
    ),
    "a part that we do not know": (
        lambda s: {f"net.{k}": v for k, v in s.items()} | {"attention.weight": torch.ones(1)},
        r"1 unexpected key \(attention\.weight",
    ),
    "sparse": (
        lambda s: _with(s, "fc.4.weight", s["fc.4.weight"].to_sparse()),
        r"fc\.4\.weight is stored as sparse_coo",
    ),
    "no bias": (lambda s: _without(s, "fc.4.bias"), r"1 missing key \(fc.4.bias"),
    "batch norm in the head": (
        lambda s: s | {"fc.1.weight": torch.ones(512), "fc.1.bias": torch.ones(512)},
        "Linears and activations only",
    ),
    "NaN": (
        lambda s: _with(s, "conv1.weight", s["conv1.weight"] * np.nan),
        r"NaN or infinite weights: 9,408 of 9,408 in conv1.weight",
    ),
    "infinity": (
        lambda s: _with(s, "fc.4.bias", torch.full((10,), torch.inf)),
        "10 of 10 in fc.4.bias",
    ),
    "another chain": (
        lambda s: _with(s, "fc.2.weight", torch.ones(256, 100)),
        "takes 100 values and gets 512",
    ),
    "another network": (
        lambda s: {
            **resnet18().state_dict(),
            "fc.weight": torch.ones(10, 2048),
            "fc.bias": torch.ones(10),
        },
        "does not fit a torchvision ResNet50",
    ),
    "another width": (
        lambda s: _with(s, "conv1.weight", torch.ones(64, 1, 7, 7)),
        r"conv1.weight has shape \(64, 1, 7, 7\)",
    ),
    "code": (lambda s: {"state_dict": s, "config": NeedsCode()}, "(?s)would run code.*Re-save"),
    "a whole model": (lambda s: nn.Linear(2, 2), "(?s)would run code.*Re-save"),
    "numbers only": (lambda s: {"epoch": 3}, "is not a state_dict: epoch"),
    "a list": (lambda s: [1, 2], "holds a list"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_checkpoints_say_what_is_wrong(case: str, state: State, tmp_path: Path) -> None:
    change, message = BROKEN[case]
    path = tmp_path / "broken.pth"
    torch.save(change(state), path)
    with pytest.raises(TracInError, match=message) as caught:
        load_checkpoint(path, CLASS_NAMES)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors"])
def test_damaged_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(TracInError, match="damaged or no PyTorch checkpoint"):
        load_checkpoint(path, CLASS_NAMES)


def test_truncated_file(checkpoint_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes(checkpoint_path.read_bytes()[:100_000])
    with pytest.raises(TracInError, match="damaged or no PyTorch checkpoint"):
        load_checkpoint(path, CLASS_NAMES)


def test_missing_file_and_class_count(checkpoint_path: Path, tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"There is no checkpoint .*--model_path"):
        load_checkpoint(tmp_path / "none.pth", CLASS_NAMES)
    with pytest.raises(TracInError, match=r"trained for 10 classes .* has 2 \(cat and dog\)"):
        load_checkpoint(checkpoint_path, ["cat", "dog"])
