"""Data sets of every kind, and those that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from tests.in_python.digits import (
    CLASSES,
    DIGITS,
    LABELS,
    PIXELS,
    part,
    quiet,
    scores_in,
)
from tracin import compute
from tracin.errors import TracInError
from tracin.results import schema


class Mappings(Dataset[dict[str, Any]]):
    """As a data set of Hugging Face: pictures, and names of classes that are in no order."""

    def __init__(self, numbers: range) -> None:
        label = type("ClassLabel", (), {"names": ["b", "c", "a"]})()
        self.features = {"image": None, "label": label}
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> dict[str, Any]:
        drawing = DIGITS.images[self.numbers[number]].astype(np.uint8) * 15
        return {"image": Image.fromarray(drawing), "label": np.int64(number % 3)}


def test_items_that_are_mappings_and_classes_in_another_order(tmp_path: Path) -> None:
    """Names of classes stand for the model's outputs, whatever their order."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(12, 3))
    info = compute(
        *(model, Mappings(range(30)), Mappings(range(40, 50)), tmp_path),
        resize_size=8,
        crop_size=8,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        learning_rate=1.0,
        say=quiet,
    )
    assert info.class_names == ("a", "b", "c")
    inputs = torch.from_numpy(DIGITS.images[:50].astype(np.uint8) * 15).double()[:, None] / 255
    features = nn.functional.avg_pool2d(inputs.expand(-1, 3, -1, -1), 4).flatten(1)
    exact = model.double()
    labels = torch.cat(
        [torch.arange(30) % 3, torch.zeros(10, dtype=torch.int64), torch.arange(10) % 3]
    )
    errors = functional.softmax(exact(inputs.expand(-1, 3, -1, -1)), 1) - functional.one_hot(
        labels, 3
    )
    products = (errors @ errors.T) * (features @ features.T + 1)
    expected = products[:30, 40:].detach().numpy()
    assert np.abs(scores_in(tmp_path) - expected).max() <= 1e-5 * np.abs(expected).max()
    predicted = schema.read_table(tmp_path, schema.INFLUENCE_SUMMARY)["predicted_class"]
    named = exact(inputs[40:].expand(-1, 3, -1, -1)).argmax(1)
    assert list(predicted) == ["bca"[output] for output in named]


def test_tensors_that_nobody_can_picture_are_stretched_and_said_to_be(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    data = TensorDataset(PIXELS[:40] * 6 - 3, LABELS[:40])
    said: list[str] = []
    compute(model, data, part(40, 50), tmp_path, say=said.append)
    assert "the darkest value is black" in said[0]
    as_they_are: list[str] = []
    compute(model, part(0, 40), part(40, 50), tmp_path / "plain", say=as_they_are.append)
    assert not any("the darkest value" in line for line in as_they_are)
    first = sorted((tmp_path / schema.IMAGES / "train").iterdir())[0]
    with Image.open(first) as picture:
        assert np.asarray(picture).min() == 0 and np.asarray(picture).max() == 255


class Inverted(ImageFolder):  # type: ignore[misc] # torchvision has no types
    """Its labels are not those of its files."""

    def __getitem__(self, number: int) -> tuple[Any, int]:
        image, label = super().__getitem__(number)
        return image, (label + 1) % 3


@pytest.mark.usefixtures("no_search")
def test_files_stand_for_items_only_where_they_are_the_same(folder: Path, tmp_path: Path) -> None:
    """Another label, or a picture that a transform changes, is taken from the item itself."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 3))
    shown: dict[str, Any] = {"resize_size": 32, "crop_size": 32, "say": quiet}
    test = ImageFolder(str(folder / "test"))
    losses = []
    for change in (None, transforms.RandomInvert(1.0)):
        train = ImageFolder(str(folder / "train"), change)
        compute(model, train, test, tmp_path / str(change), **shown)
        losses.append(schema.read_table(tmp_path / str(change), schema.TRAIN_SUMMARY)["loss"])
    assert not np.allclose(losses[0], losses[1])
    info = compute(model, Inverted(str(folder / "train")), test, tmp_path / "labels", **shown)
    rows = schema.read_table(tmp_path / "labels", schema.TRAIN_SUMMARY)
    assert info.class_names == CLASSES and list(rows["train_class"][:4]) == ["dog"] * 4


def test_class_names_do_not_serve_two_numberings(folder: Path, tmp_path: Path) -> None:
    train, test = (ImageFolder(str(folder / side)) for side in ("train", "test"))
    test.classes = ["cat", "horse"]
    with pytest.raises(TracInError, match="number their classes differently"):
        compute(nn.Linear(2, 3), train, test, tmp_path, class_names=("A", "B", "C"), say=quiet)


class Uneven(Dataset[Any]):
    """One image of another size, one that is no number, one that fails."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        if number == 3:
            raise OSError("no such photo")
        image = PIXELS[number, :, :7] if number == 4 else PIXELS[number]
        return image * (float("nan") if number == 5 else 1.0), int(LABELS[number])


def test_items_that_cannot_be_used_are_named_or_left_out(
    network: nn.Sequential, folder: Path, tmp_path: Path
) -> None:
    """Of a data set whose images have files, where the items are asked for by the passes alone."""
    train, test = (
        ImageFolder(str(folder / side), transforms.ToTensor()) for side in ("train", "test")
    )
    third = train[2][0]

    def uneven(image: Any) -> Tensor:
        values: Tensor = transforms.ToTensor()(image)
        return values[:, :40] if torch.equal(values, third) else values

    train.transform = uneven
    model = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))
    with pytest.raises(TracInError, match=r"has the shape \(3, 40, 48\), and the first"):
        compute(model, train, test, tmp_path, num_workers=0, say=quiet)
    with pytest.raises(TracInError, match=r"Item 3 of the data set train.*no such photo"):
        compute(network, Uneven(), part(20, 30), tmp_path, say=quiet)
    said: list[str] = []
    options: dict[str, Any] = {"skip_unreadable": True, "num_workers": 0, "say": said.append}
    info = compute(network, Uneven(), part(20, 30), tmp_path, **options)
    assert "Left out, 1 in all: item 3 of train (OSError: no such photo)." in said
    assert [each.reason.partition(",")[0] for each in info.skipped] == [
        "ValueError: it has the shape (1",
        "ValueError: it holds NaN or infinite values",
    ]
    rows = schema.read_table(tmp_path, schema.TRAIN_SUMMARY)
    kept = [number for number in range(20) if number not in (3, 4, 5)]
    assert list(rows["train_class"].astype(int)) == LABELS[kept].tolist()
    expected = functional.cross_entropy(
        network.eval()(PIXELS[kept]), LABELS[kept], reduction="none"
    )
    assert np.allclose(rows["loss"], expected.detach(), atol=1e-5)


class Augmented(Dataset[Any]):
    def __len__(self) -> int:
        return 20

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return PIXELS[number] + 0.1 * torch.rand(1, 8, 8), int(LABELS[number])


def test_random_augmentation_is_noticed(network: nn.Sequential, tmp_path: Path) -> None:
    said: list[str] = []
    compute(network, Augmented(), part(20, 30), tmp_path, say=said.append)
    notes = [line for line in said if "gives another tensor" in line]
    assert len(notes) == 1 and "the data set train" in notes[0]


def test_each_class_needs_a_training_image(network: nn.Sequential, tmp_path: Path) -> None:
    names = [*"abcdefghij", "k"]
    with pytest.raises(TracInError, match="train has no image of k, and one of each class"):
        compute(network, part(0, 50), part(50, 60), tmp_path, class_names=names, say=quiet)


class Broken(Dataset[Any]):
    def __init__(self, item: Any) -> None:
        self.item = item

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> Any:
        return self.item


IMAGE = torch.zeros(1, 8, 8)


WRONG_DATA: list[tuple[Any, str]] = [
    (iter([]), "a map-style data set is needed"),
    (TensorDataset(PIXELS[:0], LABELS[:0]), "is empty"),
    (Broken(3), "it is a int, and \\(image, label\\) is needed"),
    (Broken({"picture": 1, "label": 2}), "no image or img or pixel_values, but picture, label"),
    (Broken((torch.zeros(8), 1)), "shape \\(8,\\), not \\(c, h, w\\)"),
    (Broken((IMAGE, 1.5)), "label 1.5 is no number"),
    (Broken(("a.png", 1)), "its image is a str"),
    (Broken((Image.new("L", (8, 8)), 1)), "One of the data sets gives tensors"),
]


@pytest.mark.parametrize(("data", "message"), WRONG_DATA)
def test_a_data_set_that_cannot_be_used_is_said_so(
    data: Any, message: str, network: nn.Sequential, tmp_path: Path
) -> None:
    with pytest.raises(TracInError, match=message):
        compute(network, data, part(0, 10), tmp_path, say=quiet)
    assert not (tmp_path / schema.RUN_INFO).exists()


def test_labels_and_classes_must_fit(network: nn.Sequential, tmp_path: Path) -> None:
    with pytest.raises(TracInError, match=r"label \d+, and there are 2 classes"):
        compute(network, part(0, 50), part(50, 60), tmp_path, class_names=("a", "b"), say=quiet)
    with pytest.raises(TracInError, match="Two classes have the same name"):
        compute(network, part(0, 50), part(50, 60), tmp_path, class_names=["a"] * 10, say=quiet)
    few = nn.Sequential(nn.Flatten(), nn.Linear(64, 7))
    with pytest.raises(TracInError, match="gives 7 values, and the training images"):
        compute(few, part(0, 50), part(50, 60), tmp_path, say=quiet)


def test_a_data_set_of_which_nothing_can_be_used_is_said_so(
    network: nn.Sequential, tmp_path: Path
) -> None:
    class Failing(Broken):
        def __getitem__(self, number: int) -> Any:
            if len(read) > 1:
                raise OSError("no such photo")
            read.append(number)
            return Image.new("L", (8, 8)), 1

    read: list[int] = [0]
    with pytest.raises(TracInError, match=r"No item of the data set train.*item 0 of train"):
        compute(network, Failing(0), part(0, 9), tmp_path, skip_unreadable=True, say=quiet)
