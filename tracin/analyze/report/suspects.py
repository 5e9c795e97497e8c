"""Section 2: training images whose label looks wrong, a card for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from tracin.analyze.figures.summary import by_frequency
from tracin.analyze.report.analysis import Analysis, PagePicture, why_empty
from tracin.analyze.words import meaning
from tracin.results import schema
from tracin.wording import number


@dataclass(frozen=True)
class Neighbour:
    """A training image that is near to a suspect."""

    path: str
    similarity: str


@dataclass(frozen=True)
class Fact:
    """A measured figure, and what it says."""

    name: str
    value: str
    says: str


@dataclass(frozen=True)
class Suspect:
    """A card."""

    rank: int
    path: str
    given: str
    suggested: str
    suspicion: str
    share: float
    """Of the largest suspicion there is, 0 to 1."""
    level: str
    facts: tuple[Fact, ...]
    keys: dict[str, float]
    """What it can be sorted by."""
    like_given: tuple[Neighbour, ...]
    like_suggested: tuple[Neighbour, ...]

    @property
    def pair(self) -> tuple[str, str]:
        """(given, suggested)."""
        return self.given, self.suggested


@dataclass(frozen=True)
class SuspectSection:
    """The cards, most suspicious first."""

    cards: tuple[Suspect, ...]
    pairs: tuple[tuple[str, str, int], ...]
    """(given, suggested, cards), most frequent first."""
    missing: str = ""
    """Why there are no cards."""
    neighbours_missing: str = ""
    """Why the cards have no neighbours."""

    @property
    def scale(self) -> dict[str, str]:
        """The ends of the scales, and from where on images are listed."""
        return meaning.suspicion_scale()

    def pictures(self) -> Iterator[PagePicture]:
        """All, the suspects themselves first."""
        for card in self.cards:
            yield PagePicture(card.path, large=True)
        for card in self.cards:
            for neighbour in (*card.like_given, *card.like_suggested):
                yield PagePicture(neighbour.path)

    @property
    def number_of(self) -> dict[str, int]:
        """Rank of each suspect by path: other sections point to its card."""
        return {card.path: card.rank for card in self.cards}


def suspects_section(analysis: Analysis) -> SuspectSection:
    """The suspects of a run as cards."""
    table = analysis.tables.suspects
    if not analysis.overall.can_judge:
        why = "The model cannot judge these images, so what it thinks of the labels is withheld."
        return SuspectSection((), (), missing=why)
    if table is None:
        return SuspectSection((), (), missing=why_empty(schema.SUSPECTS, "Labels that look wrong"))
    near = analysis.tables.neighbours
    probabilities = analysis.tables.label_probabilities
    neighbours = _neighbours(near) if near is not None else {}
    rows = table.sort_values("rank", kind="stable").to_dict("records")
    cards = tuple(
        _card({str(key): value for key, value in row.items()}, probabilities, neighbours)
        for row in rows
    )
    return SuspectSection(
        cards,
        tuple((*pair, n) for pair, n in by_frequency(card.pair for card in cards)),
        neighbours_missing=""
        if near is not None
        else why_empty(schema.NEIGHBOURS, "The nearest images of both classes"),
    )


def _neighbours(table: pd.DataFrame) -> dict[tuple[str, str], tuple[Neighbour, ...]]:
    """By (suspect, kind), nearest first."""
    found: dict[tuple[str, str], list[Neighbour]] = {}
    ordered = table.sort_values("rank", kind="stable")
    columns = ("train_path", "kind", "neighbour_path", "similarity")
    for path, kind, neighbour, similarity in zip(*(ordered[name] for name in columns), strict=True):
        shown = Neighbour(str(neighbour), meaning.decimal(float(similarity)))
        found.setdefault((str(path), str(kind)), []).append(shown)
    return {key: tuple(images) for key, images in found.items()}


def _card(
    row: dict[str, object],
    probabilities: Mapping[str, float],
    neighbours: dict[tuple[str, str], tuple[Neighbour, ...]],
) -> Suspect:
    path, given = str(row["train_path"]), str(row["given_class"])
    keys = {
        name: float(str(row[name]))
        for name in ("rank", "suspicion", "label_agreement", "aum", "self_influence")
    }
    return Suspect(
        rank=int(keys["rank"]),
        path=path,
        given=given,
        suggested=str(row["suggested_class"]),
        suspicion=meaning.decimal(keys["suspicion"]),
        share=min(1.0, keys["suspicion"] / meaning.SUSPICION_MOST),
        level=meaning.suspicion_level(keys["suspicion"]),
        facts=_facts(keys, float(str(row["error_norm"])), given, probabilities.get(path)),
        keys=keys,
        like_given=neighbours.get((path, schema.GIVEN), ()),
        like_suggested=neighbours.get((path, schema.SUGGESTED), ()),
    )


def _facts(
    keys: dict[str, float], error_norm: float, given: str, probability: float | None
) -> tuple[Fact, ...]:
    agreement, margin = keys["label_agreement"], keys["aum"]
    facts = [
        Fact("Agreement", meaning.decimal(agreement), meaning.agreement(agreement, given)),
        Fact("Error", meaning.decimal(error_norm), meaning.error(error_norm)),
        Fact("Margin", meaning.decimal(margin), meaning.margin(margin)),
    ]
    if probability is not None:
        facts.append(
            Fact("Probability", meaning.percent(probability), f"what the model gives {given}")
        )
    said = "its effect on itself; large where an image was hard to learn"
    return (*facts, Fact("Self-influence", number(keys["self_influence"]), said))
