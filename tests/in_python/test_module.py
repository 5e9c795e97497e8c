"""Modules that end with a Linear, and those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tracin.errors import TracInError
from tracin.in_python.module import checkpoint_of, with_weights

EXAMPLE = torch.rand(1, 3, 8, 8)
AB = ("a", "b")


class TwoHeads(nn.Module):
    """Its last Linear by name is not the last that is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Linear(4, 2)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.inner = nn.Linear(12, 4)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classes(self.inner(self.pool(images).flatten(1)).relu())
        return logits


class InMapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.fc(images.flatten(1))}


class Changed(TwoHeads):
    """Changes what its last Linear gave, in place."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).relu_()


def chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *layers)


def test_features_and_last_layer_make_the_model() -> None:
    model = TwoHeads()
    found = checkpoint_of(model, Path("it"), "classes", (None, AB), EXAMPLE)
    images = torch.rand(5, 3, 8, 8)
    assert torch.equal(found.last(found.backbone(images)), model(images))
    assert (found.layer, found.head_widths, found.backbone.width) == ("classes", (4, 2), 4)
    swapped = checkpoint_of(model, Path("it"), "classes", (("b", "a"), AB), EXAMPLE)
    assert torch.equal(swapped.last(swapped.backbone(images)), model(images)[:, [1, 0]])
    assert torch.equal(nn.DataParallel(model).module.classes.weight, model.classes.weight)
    wrapped = checkpoint_of(nn.DataParallel(model), Path("it"), "classes", (None, AB), EXAMPLE)
    assert wrapped.sha256 == found.sha256


WRONG: list[tuple[nn.Module, str, str]] = [
    (TwoHeads(), "", "Name the Linear that gives the logits with layer="),
    (TwoHeads(), "inner", "What this TwoHeads returns is not what its layer inner gives"),
    (TwoHeads(), "pool", "The layer pool is a AdaptiveAvgPool2d"),
    (TwoHeads(), "head", "The layer head is not there.*inner and classes"),
    (Changed(), "classes", "is not what its layer classes gives.*inner and classes"),
    (InMapping(), "", "returns a dict, and logits"),
    (chain(nn.Linear(192, 2), nn.Softmax(dim=1)), "", "such as a softmax"),
    (chain(nn.Linear(100, 2)), "", "cannot be run on an image of the data set, 3 × 8 × 8"),
    (nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten()), "", "has no Linear"),
    (chain(nn.Linear(192, 3)), "", "gives 3 values, and the training images are of 2 classes"),
]


@pytest.mark.parametrize(("model", "layer", "message"), WRONG)
def test_others_are_refused_with_the_reason(model: nn.Module, layer: str, message: str) -> None:
    with pytest.raises(TracInError, match=message):
        checkpoint_of(model, Path("it"), layer, (None, AB), EXAMPLE)


def test_weights_that_are_no_numbers_are_refused() -> None:
    model = TwoHeads()
    with torch.no_grad():
        model.inner.bias[0] = torch.nan
    with pytest.raises(TracInError, match=r"inner\.bias holds NaN"):
        checkpoint_of(model, Path("it"), "classes", (None, AB), EXAMPLE)


def test_weights_come_from_files_of_the_same_network(tmp_path: Path) -> None:
    other = TwoHeads()
    torch.save({"model_state_dict": other.state_dict()}, tmp_path / "w.pth")
    model = TwoHeads()
    before = model.inner.weight.clone()
    loaded, _ = with_weights(model, tmp_path / "w.pth")
    assert torch.equal(loaded.state_dict()["inner.weight"], other.inner.weight)
    assert torch.equal(model.inner.weight, before)
    with pytest.raises(TracInError, match=r"w\.pth does not hold the weights of this InMapping"):
        with_weights(InMapping(), tmp_path / "w.pth")
