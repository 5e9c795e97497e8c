"""How the images of a data folder are told apart into training and test images. Data only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracin.json_file import Share

DEFAULT_DATA_DIR = Path("data/processed")


@dataclass(frozen=True)
class ImageList:
    """A CSV file that names images and their classes."""

    file: str
    """Absolute."""
    below: str = ""
    """The folder in which its paths begin, relative to the data folder, with forward slashes; "":
    the data folder itself."""


@dataclass(frozen=True)
class Layout:
    """What says which images of a data folder are training and which test images."""

    train_list: ImageList | None = None
    """None: the folder ``train/`` tells, or where a share is held back of one that has none, the
    class folders of the data folder itself."""
    test_list: ImageList | None = None
    """None: the first of ``TEST_FOLDERS`` that holds images, or the share."""
    test_share: Share | None = None
    """Of the training images, held back as test images; None: none."""
    seed: int = 0
    """Of their draw."""

    @property
    def has_lists(self) -> bool:
        """Whether lists name the images; else all in the folders are meant."""
        return self.train_list is not None

    @property
    def is_tree(self) -> bool:
        """Whether ``train/`` and the folder of test images say everything."""
        return self.train_list is None and self.test_share is None

    def folders_read(self, splits: Sequence[str]) -> tuple[str, ...]:
        """The folders of the data folder whose content counts, whatever it is called: ``splits``;
        also all of it, "", where the class folders may stand there.
        """
        whole = self.test_share is not None and not self.has_lists
        return (*([""] if whole else []), *splits)


TREE = Layout()
"""``train/<class>/`` and ``test/<class>/``."""
