"""Files of images → pixels for the model; one that cannot be read comes as a reason."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from tracin.hashing import HASH_BYTES, content_hash, picture_hash
from tracin.image_folder import read_image_file
from tracin.images import Crop, ImageTable, PreparedInputs, check_resized, evaluation_pixels
from tracin.machine.refusals import is_lack_of_memory


class DecodedImage(NamedTuple):
    """An image of a table, or the reason why it cannot be read."""

    row: int
    pixels: Tensor | None
    """(3, crop, crop), uint8, or a prepared input (c, h, w), float32; None where it cannot be
    read"""
    hashes: Tensor | None
    """(2, ``HASH_BYTES``), uint8: of the file's bytes, and of the picture in it"""
    reason: str
    """"" where it can be read"""


class PixelDataset(Dataset[DecodedImage]):
    """The pixels of a table's images; an unreadable one comes as a reason, not as an exception.

    An exception in a worker process would reach the user as a traceback of that process.
    """

    def __init__(self, table: ImageTable, rows: Sequence[int], crop: Crop) -> None:
        self._data_dir, self._crop, self._rows = table.data_dir, crop, rows
        self._paths = [table.paths[row] for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> DecodedImage:
        path, row = self._data_dir / self._paths[index], self._rows[index]
        try:
            content = read_image_file(path)
            with warnings.catch_warnings():
                # Pillow warns of odd palettes and big pictures; both are read as ImageFolder does.
                warnings.simplefilter("ignore")
                with Image.open(io.BytesIO(content)) as file:
                    check_resized(file.size, self._crop)
                    both = bytearray(content_hash(content) + picture_hash(file))
                    image = file.convert("RGB")
            hashes = torch.frombuffer(both, dtype=torch.uint8)
            pixels = evaluation_pixels(image, self._crop)
            return DecodedImage(row, pixels, hashes.view(2, HASH_BYTES), "")
        except UnidentifiedImageError as error:  # whose own words name an object in memory
            return DecodedImage(row, None, None, f"{type(error).__name__}: no known image format")
        # Pillow's decoders raise what they like on damaged files: SyntaxError, struct.error, ...
        except Exception as error:
            if is_lack_of_memory(error):  # not the file's fault
                raise MemoryError(f"while {path} was read") from error
            return DecodedImage(row, None, None, f"{type(error).__name__}: {error}")


class PreparedImages(Dataset[DecodedImage]):
    """The inputs of a table's images that something else prepares.

    Their hashes are the inputs': equal ones are the same image to the model.
    """

    def __init__(self, inputs: PreparedInputs, rows: Sequence[int]) -> None:
        self._inputs, self._rows = inputs, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> DecodedImage:
        row = self._rows[index]
        try:
            values = self._inputs[row].contiguous()
        except Exception as error:  # of foreign code
            if is_lack_of_memory(error):
                raise
            return DecodedImage(row, None, None, f"{type(error).__name__}: {error}")
        digest = content_hash(values.numpy().tobytes())
        hashes = torch.frombuffer(bytearray(digest + digest), dtype=torch.uint8)
        return DecodedImage(row, values, hashes.view(2, HASH_BYTES), "")


@dataclass(frozen=True)
class PixelBatch:
    """Images of a batch that could be read, and those that could not."""

    rows: list[int]
    pixels: Tensor
    """(n, 3, crop, crop), uint8; of prepared inputs (n, c, h, w), float32"""
    hashes: Tensor
    """(n, 2, ``HASH_BYTES``), uint8, as of ``DecodedImage``"""
    unreadable: list[tuple[int, str]]
    """(row, reason)"""

    def pin_memory(self) -> PixelBatch:
        """The same with the pixels in page-locked memory; DataLoader calls this for CUDA."""
        return replace(self, pixels=self.pixels.pin_memory())


def collate(images: Sequence[DecodedImage]) -> PixelBatch:
    """The batch of these images."""
    pixels = [image.pixels for image in images if image.pixels is not None]
    hashes = [image.hashes for image in images if image.hashes is not None]
    return PixelBatch(
        rows=[image.row for image in images if image.pixels is not None],
        pixels=torch.stack(pixels) if pixels else torch.empty(0),
        hashes=torch.stack(hashes) if hashes else torch.empty(0, dtype=torch.uint8),
        unreadable=[(image.row, image.reason) for image in images if image.pixels is None],
    )
