"""``from tracin import compute, analyze``: any module, any data set, the files of the scripts."""

from __future__ import annotations

import copy
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

import tracin.compute.run as script
from tests.compute.reference import with_statistics
from tests.real_data import write_image_tree
from tracin import analyze, compute
from tracin.clean.run import CleanConfig, apply_actions
from tracin.compute.config import RunConfig
from tracin.errors import TracInError
from tracin.results import schema
from tracin.results.run_info import read_run_info
from tracin.what_if.run import WhatIfConfig, what_if

ROOT = Path(__file__).parent.parent.parent
DIGITS = load_digits()
PIXELS = torch.from_numpy(DIGITS.images).float()[:, None] / 16
LABELS = torch.from_numpy(DIGITS.target)
CLASSES = ("cat", "dog", "horse")


def quiet(_sentence: str) -> None:
    pass


def digit_network() -> nn.Sequential:
    """A network of one colour, trained for a second on the digits."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3)),
        *(nn.Flatten(), nn.Linear(72, 24), nn.ReLU(), nn.Linear(24, 10)),
    )
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(8):
        for start in range(0, 1400, 50):
            rows = slice(start, start + 50)
            functional.cross_entropy(network(PIXELS[rows]), LABELS[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
    return network


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    return digit_network()


def part(start: int, stop: int) -> TensorDataset:
    return TensorDataset(PIXELS[start:stop], LABELS[start:stop])


def scores_in(folder: Path) -> np.ndarray:
    return pd.read_csv(folder / schema.INFLUENCE_SCORES).to_numpy(np.float64)


def autograd(network: nn.Module, train: Dataset[Any], test: Dataset[Any]) -> np.ndarray:
    """∇loss(train i) · ∇loss(test j) over the last layer's weights, in float64."""
    exact = copy.deepcopy(network).double().eval()
    last = [each for each in exact.modules() if isinstance(each, nn.Linear)][-1]

    def gradients(data_set: Any) -> Tensor:
        rows = []
        for image, label in (data_set[number] for number in range(len(data_set))):
            loss = functional.cross_entropy(exact(image.double()[None]), label.view(1))
            found = torch.autograd.grad(loss, [last.weight, last.bias])
            rows.append(torch.cat([each.flatten() for each in found]))
        return torch.stack(rows)

    return (gradients(train) @ gradients(test).T).numpy()


def test_scores_of_a_module_equal_float64_autograd(network: nn.Sequential, tmp_path: Path) -> None:
    """Over two checkpoints; the module itself stays as it was."""
    torch.save(network.state_dict(), tmp_path / "late.pth")
    early = copy.deepcopy(network)
    with torch.no_grad():
        for each in early.parameters():
            each.mul_(0.7)
    torch.save({"model_state_dict": early.state_dict(), "lr": 0.5}, tmp_path / "early.pth")
    train, test = part(0, 60), part(1500, 1520)
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    said: list[str] = []
    info = compute(
        *(network, train, test, tmp_path / "out"),
        checkpoints=[tmp_path / "early.pth", tmp_path / "late.pth"],
        learning_rate=[0.1, 0.01],
        say=said.append,
    )
    expected = 0.1 * autograd(early, train, test) + 0.01 * autograd(network, train, test)
    scores = scores_in(tmp_path / "out")
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
    assert (info.layer, info.architecture, info.inputs_from) == ("7", "Sequential", "TensorDataset")
    assert [each.path for each in info.checkpoints] == [
        str(tmp_path / "early.pth"),
        str(tmp_path / "late.pth"),
    ]
    info = compute(network, train, test, tmp_path, checkpoints=[tmp_path / "early.pth"], say=quiet)
    assert (info.checkpoints[0].learning_rate, info.checkpoints[0].path) == (
        0.5,
        str(tmp_path / "early.pth"),
    )
    assert network.training and all(each.requires_grad for each in network.parameters())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert any(line.startswith("Plan: 60 training × 20 test images") for line in said)


def test_the_analysis_shows_images_that_had_no_file(network: nn.Sequential, tmp_path: Path) -> None:
    """Pictures, the page, corrected lists; a second run deletes what the first alone needed."""
    train = Subset(part(0, 200), range(0, 200, 2))
    test: ConcatDataset[Any] = ConcatDataset([part(1500, 1520)])
    compute(network, train, test, tmp_path, say=quiet)
    said: list[str] = []
    outcome = analyze(tmp_path, say=said.append)
    assert outcome._repr_png_().startswith(b"\x89PNG")
    assert outcome.overall.n_train == 100
    assert said[-1].count("\n  ") > 10 and not any("not found" in each for each in outcome.left_out)
    first = schema.read_table(tmp_path, schema.TRAIN_SUMMARY)["train_path"][7]
    with Image.open(Path(read_run_info(tmp_path).data_dir) / first) as picture:
        assert np.array_equal(np.asarray(picture), (PIXELS[14, 0] * 255).round().numpy())

    (tmp_path / "actions.csv").write_text(f"train_path,action,new_class\n{first},relabel,3\n")
    cleaned = tmp_path / "cleaned"
    apply_actions(CleanConfig(tmp_path / "actions.csv", cleaned, tmp_path))
    lists = [pd.read_csv(path) for path in cleaned.glob("train*.csv")]
    assert [str(rows.set_index("path")["label"][first]) for rows in lists] == ["3"]

    with pytest.raises(TracInError, match="handed over in Python"):
        what_if(WhatIfConfig(5, tmp_path), say=quiet)

    written = sorted((tmp_path / schema.IMAGES).rglob("*.*"))
    compute(network, part(2, 40), test, tmp_path, say=quiet)
    assert all(path.exists() for path in written)  # what an earlier run and its lists name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("tree")
    write_image_tree(where, train_per_class=4, test_per_class=2, size=48, classes=CLASSES)
    return where


STEPS = transforms.Compose(
    [
        transforms.Resize(40),
        transforms.CenterCrop(32),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


@pytest.mark.usefixtures("no_search")
def test_folders_of_images_give_the_script_s_scores(folder: Path, tmp_path: Path) -> None:
    """With a transform of their own, without one, and as a file through the script."""
    torch.manual_seed(0)
    model = with_statistics(resnet18(num_classes=3), folder, STEPS)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    config = RunConfig(
        (tmp_path / "w.pth",), folder, tmp_path / "script", resize_size=40, crop_size=32
    )
    assert script.run(config, quiet)
    train, test = (ImageFolder(str(folder / side), STEPS) for side in ("train", "test"))
    compute(model, train, test, tmp_path / "tensors", say=quiet)
    train.transform = test.transform = None
    compute(model, train, test, tmp_path / "pictures", resize_size=40, crop_size=32, say=quiet)
    expected = scores_in(tmp_path / "script")
    for name in ("tensors", "pictures"):
        assert np.abs(scores_in(tmp_path / name) - expected).max() <= 1e-5 * np.abs(expected).max()
        assert Path(read_run_info(tmp_path / name).data_dir) == folder
        assert not (tmp_path / name / schema.IMAGES / "train").exists()  # they have files
        for table in (schema.DUPLICATES, schema.PREDICTIONS):
            columns = ["path_a", "path_b"] if table == schema.DUPLICATES else ["test_path"]
            mine, theirs = (
                schema.read_table(tmp_path / each, table)[columns] for each in (name, "script")
            )
            pd.testing.assert_frame_equal(mine, theirs)


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


@pytest.mark.usefixtures("no_search")
def test_a_network_whose_code_was_changed_is_not_taken_for_the_former(
    folder: Path, tmp_path: Path
) -> None:
    class Net(nn.Module):
        act = staticmethod(torch.relu)

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 8, 5, stride=4), nn.Linear(8, 3)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.fc(self.act(self.conv(images)).mean(dim=(2, 3)))
            return logits

    torch.manual_seed(0)
    model, losses = Net(), []
    sides = [ImageFolder(str(folder / side)) for side in ("train", "test")]
    for act in (torch.relu, torch.tanh):
        Net.act = staticmethod(act)
        compute(model, sides[0], sides[1], tmp_path, resize_size=32, crop_size=32, say=quiet)
        losses.append(schema.read_table(tmp_path, schema.TRAIN_SUMMARY)["loss"])
    assert not np.allclose(losses[0], losses[1])


def test_class_names_do_not_serve_two_numberings(folder: Path, tmp_path: Path) -> None:
    train, test = (ImageFolder(str(folder / side)) for side in ("train", "test"))
    test.classes = ["cat", "horse"]
    with pytest.raises(TracInError, match="number their classes differently"):
        compute(nn.Linear(2, 3), train, test, tmp_path, class_names=("A", "B", "C"), say=quiet)


WRONG_ARGUMENTS: list[dict[str, Any]] = [
    {"method": "tracln"},
    {"precision": "fp16"},
    {"device": "gpu"},
    {"class_weights": "weird"},
    {"label_smoothing": 2.0},
    {"learning_rate": -1.0},
    {"learning_rate": [0.1, float("nan")]},
    {"train_subset": 0},
    {"test_subset": -5},
    {"crop_size": 0},
    {"top_k": 0},
    {"batch_size": 0},
    {"num_workers": -1},
    {"mean": (0.5,)},
    {"std": (0.0, 0.0, 0.0)},
    {"damping": 0.0},
]


@pytest.mark.parametrize("wrong", WRONG_ARGUMENTS, ids=str)
def test_an_argument_that_the_script_would_refuse_is_refused(
    wrong: dict[str, Any], network: nn.Sequential, tmp_path: Path
) -> None:
    (name,) = wrong
    with pytest.raises(TracInError, match=rf"^{name}=.* cannot be used: give "):
        compute(network, part(0, 20), part(20, 30), tmp_path, **wrong, say=quiet)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", " a", "x\r", "nan", "a\ud800"])
def test_a_class_name_that_no_list_could_hold_is_refused(
    name: str, network: nn.Sequential, tmp_path: Path
) -> None:
    names = [name, *"bcdefghij"]
    with pytest.raises(TracInError, match="class_names="):
        compute(network, part(0, 20), part(20, 30), tmp_path, class_names=names, say=quiet)


def test_numbers_and_single_files_may_be_of_any_kind(
    network: nn.Sequential, tmp_path: Path
) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pth")
    rates: tuple[Any, ...] = (torch.tensor(0.5), np.array([0.5]), np.float32(0.5))
    for rate in rates:
        info = compute(
            *(network, part(0, 20), part(20, 30), tmp_path),
            checkpoints=str(tmp_path / "w.pth"),
            learning_rate=rate,
            say=quiet,
        )
        assert info.checkpoints[0].learning_rate == 0.5


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
    change = iter(range(10_000))

    def uneven(image: Any) -> Tensor:
        number = next(change)
        values: Tensor = transforms.ToTensor()(image)
        return values[:, :40] if number == 2 else values

    train.transform = uneven
    model = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))
    with pytest.raises(TracInError, match=r"has the shape \(3, 40, 48\), and the first"):
        compute(model, train, test, tmp_path, num_workers=0, say=quiet)
    with pytest.raises(TracInError, match=r"Item 3 of the data set train.*no such photo"):
        compute(network, Uneven(), part(20, 30), tmp_path, say=quiet)


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
    with pytest.raises(TracInError, match="trained for 7 classes"):
        compute(few, part(0, 50), part(50, 60), tmp_path, say=quiet)


def test_both_names_are_functions_whatever_was_imported() -> None:
    """They are folders of the house, too, and torch is not loaded before it is needed."""
    assert callable(compute) and callable(analyze)
    assert next(iter(inspect.signature(compute).parameters)) == "model"
    assert "Score how much each image" in str(compute.__doc__)
    program = (
        "import sys, tracin, tracin.analyze.run\n"
        "from tracin import compute, analyze\n"
        "assert callable(compute) and callable(analyze)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_the_keywords_are_the_script_s_flags() -> None:
    """One meaning, one name, one default."""
    from TracIn_Resnet50 import build_parser

    flags = vars(build_parser().parse_args([]))
    named = {
        name: parameter.default
        for name, parameter in inspect.signature(compute).parameters.items()
        if name in flags
    }
    assert len(named) > 15
    differing = {
        name for name, default in named.items() if (default or None) != (flags[name] or None)
    }
    assert not differing


def test_what_is_recorded_can_be_read_as_json(network: nn.Sequential, tmp_path: Path) -> None:
    compute(network, part(0, 30), part(30, 40), tmp_path, method="gauss_newton", say=quiet)
    content = json.loads((tmp_path / schema.RUN_INFO).read_text())
    assert content["from_module"] is True and content["command"] == ["tracin.compute"]
    assert content["checkpoints"][0]["path"] == "Sequential"
    assert content["layout"]["train_list"]["file"].startswith(str(tmp_path))
