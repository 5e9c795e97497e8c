"""Influence against references that share no code with the product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.influence import TracInCP
from torch import nn
from torch.utils.data import TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from tests.real_data import CLASS_NAMES
from tracin.compute.features.backbone import Forward
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.compute.model.checkpoint import Checkpoint, load_checkpoint
from tracin.compute.scores.factors import Factors, compute_factors
from tracin.compute.scores.tracin import MatrixFigures, Scores, influence_rows, self_influence
from tracin.images import Crop, Preprocessing, draw_subset, find_images
from tracin.loss import Loss

CROP = Crop(64, 56)
RATE = 1e-4
WEIGHTS = tuple(np.linspace(0.5, 2.0, len(CLASS_NAMES)))
LOSSES = [Loss(), Loss(0.1, WEIGHTS)]

reference_transform = transforms.Compose(
    [
        transforms.Resize(64),
        transforms.CenterCrop(56),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def our_factors(
    checkpoint: Checkpoint,
    data_dir: Path,
    loss: Loss | None = None,
    batch_size: int = 32,
    num_workers: int = 0,
) -> tuple[Factors, Factors]:
    pass_settings = PassSettings(batch_size, num_workers, Preprocessing(CROP))
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32")
    sides = []
    for table in find_images(data_dir):
        features = pooled_features(forward, table, pass_settings)
        labels = torch.from_numpy(table.labels)
        sides.append(compute_factors(checkpoint, features.values, labels, loss))
    return sides[0], sides[1]


def our_scores(
    train: Sequence[Factors], test: Sequence[Factors], rates: Sequence[float], rows: int = 512
) -> torch.Tensor:
    function = influence_rows(train, test, rates)
    return torch.cat(list(Scores(function, torch.empty(len(train[0]))).blocks(rows)))


def reference_gradients(model: nn.Module, folder: Path, loss: nn.CrossEntropyLoss) -> torch.Tensor:
    """Gradients (n, d·C + C) of the last Linear, float64, one backward per sample."""
    model = model.double()
    last = model.get_submodule("fc.4")
    assert isinstance(last, nn.Linear)
    rows = []
    for image, label in ImageFolder(str(folder), reference_transform):
        value = loss(model(image.double().unsqueeze(0)), torch.tensor([label]))
        weight, bias = torch.autograd.grad(value, [last.weight, last.bias])
        rows.append(torch.cat([weight.flatten(), bias]))
    model.float()
    return torch.stack(rows)


def torch_loss(
    loss: Loss, dtype: torch.dtype = torch.float64, reduction: str = "sum"
) -> nn.CrossEntropyLoss:
    weights = None if loss.class_weights is None else torch.tensor(loss.class_weights, dtype=dtype)
    return nn.CrossEntropyLoss(weights, reduction=reduction, label_smoothing=loss.label_smoothing)


@pytest.mark.parametrize("loss", LOSSES, ids=["plain", "smoothed and weighted"])
def test_scores_equal_float64_autograd(
    model: nn.Module, checkpoint_path: Path, image_tree: Path, loss: Loss
) -> None:
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    train, test = our_factors(checkpoint, image_tree, loss)
    scores = our_scores([train], [test], [RATE])
    train_gradients, test_gradients = (
        reference_gradients(model, image_tree / split, torch_loss(loss))
        for split in ("train", "test")
    )
    expected = RATE * train_gradients @ test_gradients.T
    assert scores.shape == (60, 20)
    assert (scores - expected).abs().max() <= 1e-5 * expected.abs().max()
    own = RATE * train_gradients.square().sum(dim=1)
    assert (self_influence([train], [RATE]) - own).abs().max() <= 1e-5 * own.max()


@pytest.mark.parametrize("loss", LOSSES, ids=["plain", "smoothed and weighted"])
def test_scores_equal_captum_over_checkpoints(
    model: nn.Module, checkpoint_path: Path, image_tree: Path, tmp_path: Path, loss: Loss
) -> None:
    """Captum's TracInCP on the same layer, summed over two checkpoints with a rate each."""
    second = tmp_path / "second.pth"
    state = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(1)
    state["fc.4.weight"] += 0.05 * torch.randn_like(state["fc.4.weight"])
    state["layer4.2.conv3.weight"] *= 1.1
    torch.save(state, second)
    rates = {str(checkpoint_path): 1e-3, str(second): 5e-4}

    sides = [
        our_factors(load_checkpoint(Path(path), CLASS_NAMES), image_tree, loss) for path in rates
    ]
    scores = our_scores([s[0] for s in sides], [s[1] for s in sides], list(rates.values()))

    def load(net: nn.Module, path: str) -> float:
        content = torch.load(path, weights_only=True)
        net.load_state_dict({key.removeprefix("model."): value for key, value in content.items()})
        return rates[path]

    tensors = {}
    for split in ("train", "test"):
        samples = list(ImageFolder(str(image_tree / split), reference_transform))
        images = torch.stack([image for image, _ in samples])
        tensors[split] = (images, torch.tensor([label for _, label in samples]))
    captum = TracInCP(
        model,
        TensorDataset(*tensors["train"]),
        list(rates),
        checkpoints_load_func=load,
        layers=["fc.4"],
        loss_fn=torch_loss(loss, torch.float32, "none"),
        batch_size=20,
    )
    expected = captum.influence(tensors["test"], show_progress=False).T
    load(model, str(checkpoint_path))  # Captum leaves the last checkpoint in the shared model
    assert (scores - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_scores_do_not_depend_on_batches_workers_or_blocks(
    checkpoint_path: Path, image_tree: Path
) -> None:
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    train, test = our_factors(checkpoint, image_tree, batch_size=7)
    expected = our_scores([train], [test], [RATE])
    largest = expected.abs().max()
    for batch_size, workers in ((60, 0), (16, 2)):
        others = our_factors(checkpoint, image_tree, None, batch_size, workers)
        other = our_scores([others[0]], [others[1]], [RATE])
        assert (other - expected).abs().max() <= 1e-5 * largest
    for rows in (1, 7, 60):
        other = our_scores([train], [test], [RATE], rows)
        assert (other - expected).abs().max() <= 1e-6 * largest


def test_subset_scores_are_rows_of_the_whole(checkpoint_path: Path, image_tree: Path) -> None:
    checkpoint = load_checkpoint(checkpoint_path, CLASS_NAMES)
    whole, test = our_factors(checkpoint, image_tree)
    table, _ = find_images(image_tree)
    subset = draw_subset(table, 23, seed=3)
    forward = Forward(checkpoint.backbone, torch.device("cpu"), "float32")
    features = pooled_features(forward, subset, PassSettings(preprocessing=Preprocessing(CROP)))
    part = compute_factors(checkpoint, features.values, torch.from_numpy(subset.labels))
    rows = [table.paths.index(path) for path in subset.paths]
    expected = our_scores([whole], [test], [RATE])[rows]
    assert (our_scores([part], [test], [RATE]) - expected).abs().max() <= 1e-5 * expected.max()


def random_factors(n: int, seed: int) -> Factors:
    generator = torch.Generator().manual_seed(seed)
    return Factors(
        activations=torch.randn(n, 5, generator=generator),
        logits=torch.randn(n, 3, generator=generator),
        errors=torch.randn(n, 3, generator=generator),
        labels=torch.zeros(n, dtype=torch.int64),
    )


def test_influence_needs_one_entry_per_checkpoint() -> None:
    train, test = random_factors(4, 0), random_factors(3, 1)
    with pytest.raises(ValueError, match="2 learning rates"):
        influence_rows([train], [test], [1.0, 2.0])


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("rows", [1, 7, 50])
def test_figures_of_the_matrix(rows: int, processes: int) -> None:
    matrix = our_scores([random_factors(50, 0)], [random_factors(9, 1)], [1.0]).numpy()
    matrix[[3, 40], 0] = matrix[:, 0].max() + 1  # a tie goes to the first row
    matrix[:, 1] = 0.0
    parts = [MatrixFigures(*matrix.shape) for _ in range(processes)]
    for number, start in enumerate(range(0, 50, rows)):
        parts[number % processes].add(start, matrix[start : start + rows])
    figures = parts[-1]
    for part in parts[:-1]:
        figures.merge(part)
    assert figures.highest_row[0] == 3
    np.testing.assert_array_equal(figures.highest_row, matrix.argmax(axis=0))
    np.testing.assert_array_equal(figures.lowest_row, matrix.argmin(axis=0))
    np.testing.assert_array_equal(figures.highest, matrix.max(axis=0))
    np.testing.assert_array_equal(figures.lowest, matrix.min(axis=0))
    np.testing.assert_allclose(figures.mean, matrix.astype(np.float64).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(figures.train_mean, matrix.mean(axis=1, dtype=np.float64))
    np.testing.assert_allclose(figures.positive_share, (matrix > 0).mean(axis=0))


def test_zero_error_signals_give_zero_influence() -> None:
    train, test = random_factors(4, 0), random_factors(3, 1)
    silent = Factors(train.activations, train.logits, torch.zeros(4, 3), train.labels)
    assert (our_scores([silent], [test], [1.0]) == 0).all()
    assert (self_influence([silent], [1.0]) == 0).all()
