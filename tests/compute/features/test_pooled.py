"""The order in which batches go to a device and come back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.compute.features.test_backbone import CPU
from tracin.compute.features.backbone import Forward, Pending
from tracin.compute.features.pooled import PassSettings, pooled_features
from tracin.images import Crop, Normalization, Preprocessing, find_images


@dataclass(frozen=True)
class Logged(Pending):
    """Features that write down when they are asked for."""

    log: list[str]

    def result(self) -> Tensor:
        self.log.append("wait")
        return super().result()


class Device(Forward):
    """Stands for a GPU: writes down when it is given a batch."""

    def __init__(self, in_flight: int) -> None:
        super().__init__(nn.Identity(), CPU, "float32")
        self._in_flight = in_flight
        self.log: list[str] = []

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def start(self, pixels: Tensor) -> Logged:
        self.log.append("start")
        # The mean of the pixels in all 2048 values: tells whose feature it is.
        mean = pixels.float().mean(dim=(1, 2, 3)).unsqueeze(1)
        return Logged(mean.expand(-1, 2048), None, self.log)


def test_a_forward_that_normalises_otherwise_is_refused(image_tree: Path) -> None:
    """Its features would be kept under another name than their own."""
    table, _ = find_images(image_tree)
    other = Preprocessing(normalization=Normalization(std=(1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match="Normalization"):
        pooled_features(Device(0), table, PassSettings(preprocessing=other))


@pytest.mark.parametrize(
    ("in_flight", "expected"),
    [(0, "swswswswsw"), (3, "sssswswwww"), (9, "ssssswwwww")],
)
def test_several_batches_are_in_flight(in_flight: int, expected: str, image_tree: Path) -> None:
    """A device that works by itself is given batches before the first is waited for."""
    table, _ = find_images(image_tree)  # 60 images
    small = Preprocessing(Crop(40, 32))
    settings = PassSettings(batch_size=12, preprocessing=small)
    device = Device(in_flight)
    found = pooled_features(device, table, settings)
    assert "".join(entry[0] for entry in device.log) == expected
    alone = pooled_features(
        Device(0), table, PassSettings(batch_size=1, preprocessing=Preprocessing(Crop(40, 32)))
    )
    torch.testing.assert_close(found.values, alone.values)
    assert len(found.values[:, 0].unique()) > 50
