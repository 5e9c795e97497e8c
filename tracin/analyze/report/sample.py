"""The section "Sample": a hundred images for a person's eyes, by which all labels are judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracin.analyze.figures.review_sample import draw_review_sample
from tracin.analyze.report.analysis import Analysis, PagePicture
from tracin.intervals import Z_95

SEED = 0
"""The same run draws the same images, so that an interrupted review goes on."""


@dataclass(frozen=True)
class SampleSection:
    """The images in the order in which they are shown, and what they stand for."""

    images: tuple[PagePicture, ...]
    strata: tuple[int, ...]
    """Of each image."""
    sizes: tuple[int, ...]
    """All training images of each stratum."""

    def pictures(self) -> Iterator[PagePicture]:
        """All."""
        yield from self.images

    def data(self, number_of: dict[str, int]) -> dict[str, object]:
        """What the script needs; ``number_of``: the page's images by path."""
        return {
            "images": [number_of[image.path] for image in self.images],
            "strata": self.strata,
            "sizes": self.sizes,
            "z": Z_95,
        }


def sample_section(analysis: Analysis) -> SampleSection | None:
    """The images to review; None where no file tells how suspicious each label is."""
    table = analysis.tables.train_summary
    if table is None or "suspicion" not in table:
        return None
    drawn = draw_review_sample(table["suspicion"].to_numpy(float), SEED)
    paths, labels = table["train_path"].to_numpy(), table["train_class"].to_numpy()
    return SampleSection(
        tuple(PagePicture(paths[row], labels[row], large=True) for row in drawn.rows),
        tuple(drawn.strata.tolist()),
        tuple(drawn.sizes.tolist()),
    )
