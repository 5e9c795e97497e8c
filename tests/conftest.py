"""Real small images and a real ResNet50 for the tests: nothing is downloaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# As the scripts do, before torch is loaded: tests share the machine with their subprocesses, and
# pytest-xdist's workers share its cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if workers > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

import pytest
import torch

from tests.forked import ForkServer
from tests.real_data import CLASS_NAMES, animals_resnet50, fit_head, write_image_tree
from tracin.compute.check.shown import Search


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.path.name != "test_whole_demo.py")


@pytest.fixture(scope="session")
def image_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and test/ with ten classes of small real JPEGs: 6 training and 2 test images each."""
    folder = tmp_path_factory.mktemp("data")
    write_image_tree(folder, train_per_class=6, test_per_class=2, size=64)
    return folder


@pytest.fixture(scope="session")
def model(image_tree: Path) -> torch.nn.Module:
    """A ResNet50 with the Animals-10 head, its batch-norm statistics set by real images, and its
    head fitted to the training images shown at 32 pixels, as after a training.
    """
    return fit_head(animals_resnet50(len(CLASS_NAMES)), image_tree)


@pytest.fixture(scope="session")
def checkpoint_path(model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's form: the state_dict of a module that wraps the ResNet50 as ``self.model``."""
    path = tmp_path_factory.mktemp("models") / "Resnet50_animals10_val_0_9796_0_5963.pth"
    torch.save({f"model.{key}": value for key, value in model.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def untrained_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a head of random weights: it cannot judge anything."""
    path = tmp_path_factory.mktemp("models") / "untrained.pth"
    torch.save(animals_resnet50(len(CLASS_NAMES)).state_dict(), path)
    return path


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fails is not shown images in other ways, which takes a minute."""
    nothing = Search(images=0, right_now=0, tried=0, best=None)
    monkeypatch.setattr("tracin.compute.run.search_other_ways", lambda *_: nothing)


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Starts real processes at once."""
    if sys.platform == "win32":
        pytest.skip("there is no fork")
    with ForkServer(tmp_path_factory.mktemp("forked")) as server:
        yield server
