"""A map-style data set → its images' files and labels, and what the model is given of each."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset
from torchvision.datasets import DatasetFolder
from torchvision.datasets.folder import default_loader

from tracin.errors import TracInError
from tracin.images import Normalization
from tracin.vision import functional as transforms
from tracin.wording import first_sentence, quotable

IMAGE_KEYS = ("image", "img", "pixel_values")
LABEL_KEYS = ("label", "labels", "target", "fine_label")
"""What the items of data sets that are mappings call the two, as those of Hugging Face do."""

Item = tuple[Image.Image | Tensor, int | str]
"""A picture, or the model's input (c, h, w) in float32; and the class's number or name."""


@dataclass(frozen=True)
class DataSetInputs:
    """The inputs that a data set prepares, for some of its images."""

    data_set: Any
    numbers: npt.NDArray[np.int64]
    """The images' numbers in the data set."""
    shape: tuple[int, ...]
    """(c, h, w) of the first: a network takes no others beside them."""

    @property
    def name(self) -> str:
        """Of the data set's class."""
        return type(self.data_set).__name__

    @property
    def normalization(self) -> Normalization | None:
        """As the last step of its transform tells, for images of three channels."""
        found = normalization_of(self.data_set)
        if found is None:
            return None
        mean, std = (values * 3 if len(values) == 1 else values for values in found)
        if len(mean) != 3 or len(std) != 3 or not all(std):
            return None
        return Normalization((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))

    def take(self, rows: npt.NDArray[np.int64]) -> DataSetInputs:
        """Those of these rows, in their order."""
        return replace(self, numbers=self.numbers[rows])

    def __getitem__(self, row: int) -> Tensor:
        """(c, h, w), float32."""
        image, _ = item_of(self.data_set, int(self.numbers[row]))
        if not isinstance(image, Tensor):
            raise TypeError("the data set gave a picture here, and tensors before")
        if image.shape != self.shape:
            raise ValueError(
                f"it has the shape {tuple(image.shape)}, and the first {self.shape}: give the data "
                "set a transform that makes all of one size"
            )
        if not image.isfinite().all():
            raise ValueError("it holds NaN or infinite values")
        return image


def check_map_style(data_set: Any, side: str) -> None:
    """Check that a data set has a length and gives images by number.

    Raises:
        TracInError: it does not, or is empty.
    """
    known = hasattr(data_set, "__getitem__") and hasattr(data_set, "__len__")
    if not known or isinstance(data_set, IterableDataset):
        raise TracInError(
            f"{side} is a {type(data_set).__name__}, and a map-style data set is needed: one with "
            "len(…) and items by number, such as torchvision.datasets.ImageFolder."
        )
    if len(data_set) == 0:
        raise TracInError(f"The data set {side} is empty.")


def item_of(data_set: Any, number: int) -> Item:
    """An item of ``data_set``.

    Raises:
        ValueError: it is no image with a label.
    """
    item = data_set[number]
    if isinstance(item, Mapping):
        image, label = _valued(item, IMAGE_KEYS), _valued(item, LABEL_KEYS)
    elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) >= 2:
        image, label = item[0], item[1]
    else:
        raise ValueError(f"it is a {type(item).__name__}, and (image, label) is needed")
    return _image(image), label if isinstance(label, str) else _number(label)


def _valued(item: Mapping[str, Any], keys: Sequence[str]) -> Any:
    for key in keys:
        if key in item:
            return item[key]
    raise ValueError(f"it has no {' or '.join(keys)}, but {', '.join(map(str, item))}")


def _number(label: Any) -> int:
    try:
        return operator.index(label.item() if hasattr(label, "item") else label)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"its label {quotable(label)} is no number of a class; of one-hot labels, "
            "label.argmax() is"
        ) from error


def _image(image: Any) -> Image.Image | Tensor:
    if isinstance(image, Image.Image):
        return image
    # Copied: torch warns of arrays that must not be written to.
    values = torch.from_numpy(image.copy()) if isinstance(image, np.ndarray) else image
    if not isinstance(values, Tensor):
        raise ValueError(f"its image is a {type(image).__name__}, no picture and no tensor")
    if values.dtype == torch.uint8:  # no input of a network: a picture
        colours_last = isinstance(image, np.ndarray) and values.ndim == 3
        picture: Image.Image = transforms.to_pil_image(
            values.permute(2, 0, 1) if colours_last else values
        )
        return picture
    if values.ndim != 3:
        raise ValueError(f"its image has the shape {tuple(values.shape)}, not (c, h, w)")
    return values.detach().to("cpu", torch.float32)


def first_item(data_set: Any, side: str) -> Item:
    """The first item.

    Raises:
        TracInError: it is no image with a label.
    """
    try:
        return item_of(data_set, 0)
    except ValueError as error:
        raise TracInError(f"The first item of the data set {side} cannot be used: {error}.") from (
            error
        )


def files_of(data_set: Any) -> list[tuple[Path, int]] | None:
    """(file, class) of each image, where the data set tells as torchvision's folders do; else None.

    Also through ``Subset`` and ``ConcatDataset``.
    """
    if isinstance(data_set, Subset):
        files = files_of(data_set.dataset)
        return files and [files[number] for number in data_set.indices]
    if isinstance(data_set, ConcatDataset):
        parts = [files_of(part) for part in data_set.datasets]
        return None if None in parts else [each for part in parts if part for each in part]
    # Whoever overrides what an item is may mean other labels than those of the files.
    if not isinstance(data_set, DatasetFolder):
        return None
    if type(data_set).__getitem__ is not DatasetFolder.__getitem__:
        return None
    change = data_set.target_transform
    try:
        files = [(Path(path), _number(change(y) if change else y)) for path, y in data_set.samples]
    except (TypeError, ValueError):
        return None
    return files if all(path.is_file() for path, _ in files) else None


def shows_its_files(data_set: Any) -> bool:
    """Whether the pictures of a data set with ``files_of`` are those files, unchanged."""
    if isinstance(data_set, Subset):
        return shows_its_files(data_set.dataset)
    if isinstance(data_set, ConcatDataset):
        return all(shows_its_files(part) for part in data_set.datasets)
    plain = getattr(data_set, "transform", None) is None
    return plain and getattr(data_set, "loader", None) is default_loader


def classes_of(data_set: Any) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers; () where it does not say."""
    if isinstance(data_set, Subset):
        return classes_of(data_set.dataset)
    if isinstance(data_set, ConcatDataset):
        return classes_of(data_set.datasets[0])
    names = getattr(data_set, "classes", None)
    features = getattr(data_set, "features", None)  # of a data set of Hugging Face
    if names is None and isinstance(features, Mapping):
        names = next(
            (getattr(features[k], "names", None) for k in LABEL_KEYS if k in features), None
        )
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def normalization_of(data_set: Any) -> tuple[list[float], list[float]] | None:
    """(mean, std) of the transform's last step, where that normalises; else None."""
    if isinstance(data_set, Subset):
        return normalization_of(data_set.dataset)
    steps = getattr(getattr(data_set, "transform", None), "transforms", ())
    last = steps[-1] if steps else None
    if last is None or type(last).__name__ != "Normalize":
        return None
    return [float(value) for value in last.mean], [float(value) for value in last.std]


def is_random(data_set: Any) -> bool:
    """Whether an image that is asked for again, of three, comes as another input."""
    for number in {0, len(data_set) // 2, len(data_set) - 1}:
        try:
            first, again = (item_of(data_set, number)[0] for _ in range(2))
        except Exception:
            continue
        if isinstance(first, Tensor) and isinstance(again, Tensor):
            same = first.shape == again.shape and torch.equal(first, again)
            if not same and bool(first.isfinite().all()):
                return True
    return False


def items(
    data_set: Dataset[Any], side: str, unusable: list[str] | None
) -> Iterator[tuple[int, Item]]:
    """All items in their order, with their numbers.

    Args:
        data_set: map-style.
        side: ``train`` or ``test``, for messages.
        unusable: gets what is wrong with items that are left out; None: none may be.

    Raises:
        TracInError: one is no image with a label.
    """
    for number in range(len(data_set)):  # type: ignore[arg-type]  # checked: it has a length
        try:
            item = item_of(data_set, number)
        except Exception as error:  # of foreign code
            fact = f"{type(error).__name__}: {first_sentence(error)}"
            if unusable is None:
                raise TracInError(
                    f"Item {number:,} of the data set {side} cannot be used ({fact}). Repair it, "
                    "or leave such items out with skip_unreadable=True."
                ) from error
            unusable.append(f"item {number:,} of {side} ({fact})")
            continue
        yield number, item
