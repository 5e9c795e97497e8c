"""The images of the page: what its script knows of each, wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from tracin.analyze.report.analysis import PagePicture
from tracin.analyze.report.pictures import Album


@dataclass(frozen=True)
class PageImage:
    """An image of either side."""

    number: int
    """Its place in the page's list."""
    path: str
    label: str
    """The class that it was given; "" where no file tells."""
    is_test: bool
    suggested: str
    """The class that it looks like, where its label looks wrong; else ""."""
    picture: int | None
    """Of the album; None: there is none."""

    @property
    def words(self) -> str:
        """What it is, for those who do not see it."""
        labelled = f", labelled {self.label}" if self.label else ""
        return f"{'Test' if self.is_test else 'Training'} image {self.path}{labelled}"

    @property
    def data(self) -> dict[str, object]:
        """What the script needs; it counts the images itself."""
        return {key: value for key, value in asdict(self).items() if key != "number"}


def page_images(
    wanted: Iterable[PagePicture], suggested: Mapping[str, str], album: Album
) -> dict[str, PageImage]:
    """Every image of ``wanted`` once, by its path, in their order.

    Args:
        wanted: what the sections show.
        suggested: the class that an image looks like, by path.
        album: their pictures.
    """
    images: dict[str, PageImage] = {}
    for picture in wanted:
        if picture.path not in images:
            images[picture.path] = PageImage(
                number=len(images),
                path=picture.path,
                label=picture.label,
                is_test=picture.is_test,
                suggested=suggested.get(picture.path, ""),
                picture=album.numbers.get(picture.path),
            )
    return images
