"""The section "Suspects": training images whose label looks wrong, a card for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from tracin.analyze.figures.summary import by_frequency
from tracin.analyze.report.analysis import Analysis, PagePicture, why_empty
from tracin.analyze.report.columns import ColumnFilter, column_filters
from tracin.analyze.report.duplicates import DuplicatePair, all_pairs
from tracin.analyze.report.live import factors_of
from tracin.analyze.words import meaning
from tracin.results import schema
from tracin.results.suspect_factors import SuspectFactors
from tracin.wording import number, signed

MOST_CERTAIN = 12
"""Pairs shown above the suspects; all stand among the duplicates."""

_NONE_LISTED = "Some labels look wrong, and the run was told to list none of them: --max_suspects."

_NEEDED = {"suspicion", "label_agreement", "error_norm", "aum", "suggested_class"}
"""Columns of the train summary that a card needs."""


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
    probability: float | None
    """That the label is wrong, 0 to 1; None where an earlier version ran."""
    says: str
    """That probability in words."""
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
    weak: bool = False
    """No label looks wrong, and the cards are those that come nearest."""
    certain: tuple[DuplicatePair, ...] = ()
    """Pictures under two labels, or in training and test: whatever the model."""
    certain_more: int = 0
    """Of those, how many are not shown here."""
    missing: str = ""
    """Why there are no cards."""
    neighbours_missing: str = ""
    """Why the cards have no neighbours."""
    factors: SuspectFactors | None = None
    """With which the cards' order follows the decisions."""
    filters: tuple[ColumnFilter, ...] = ()
    """By what a list of images says of them beside path and label."""

    @property
    def has_gain(self) -> bool:
        """Whether the cards can be sorted by what relabelling them is worth."""
        return all("gain" in card.keys for card in self.cards)

    @property
    def has_probability(self) -> bool:
        """Whether the model says of every card how likely its label is wrong."""
        return bool(self.cards) and all(card.probability is not None for card in self.cards)

    @property
    def scale(self) -> dict[str, str]:
        """The ends of the scales, and from where on images are listed."""
        return meaning.suspicion_scale()

    def pictures(self) -> Iterator[PagePicture]:
        """All, what is certain and the suspects themselves first."""
        for pair in self.certain:
            yield from pair.pictures()
        for card in self.cards:
            yield PagePicture(card.path, card.given, large=True)
        for card in self.cards:
            for neighbour in card.like_given:
                yield PagePicture(neighbour.path, card.given)
            for neighbour in card.like_suggested:
                yield PagePicture(neighbour.path, card.suggested)

    @property
    def given(self) -> dict[str, int]:
        """How many cards carry each label, most frequent first."""
        return dict(by_frequency(card.given for card in self.cards))

    @property
    def suggested(self) -> dict[str, str]:
        """What each suspect looks like, by path."""
        return {card.path: card.suggested for card in self.cards}

    @property
    def number_of(self) -> dict[str, int]:
        """Rank of each suspect by path: other sections point to its card."""
        return {} if self.weak else {card.path: card.rank for card in self.cards}


def suspects_section(analysis: Analysis) -> SuspectSection:
    """The suspects of a run as cards."""
    table = analysis.tables.suspects
    worst = [pair for pair in all_pairs(analysis) if pair.certain]
    section = SuspectSection(
        (), (), certain=tuple(worst[:MOST_CERTAIN]), certain_more=len(worst[MOST_CERTAIN:])
    )
    if not analysis.overall.can_judge:
        why = "The model cannot judge these images, so what it thinks of the labels is withheld."
        return replace(section, missing=why)
    if table is None:
        return replace(section, missing=why_empty(schema.SUSPECTS, "Labels that look wrong"))
    weak = table.empty
    if weak:
        table = _weak_evidence(analysis.tables.train_summary)
    near = analysis.tables.neighbours
    probabilities = analysis.tables.label_probabilities
    neighbours = _neighbours(near) if near is not None else {}
    rows = table.sort_values("rank", kind="stable").to_dict("records")
    cards = tuple(
        _card({str(key): value for key, value in row.items()}, probabilities, neighbours)
        for row in rows
    )
    if weak:  # how many such labels are wrong is not known where hardly any is
        cards = tuple(replace(card, probability=None, says="") for card in cards)
    if not cards:
        listed_none = analysis.overall.health is not None and analysis.overall.health.percent < 100
        return replace(section, missing=_NONE_LISTED if listed_none else "")
    pairs = by_frequency(card.pair for card in cards)
    why = why_empty(schema.NEIGHBOURS, "The nearest images of both classes")
    return replace(
        section,
        cards=cards,
        pairs=tuple((*pair, n) for pair, n in pairs),
        weak=weak,
        neighbours_missing="" if near is not None else why,
        factors=factors_of(analysis, [card.path for card in cards]),
        filters=column_filters(analysis.tables.list_columns, [card.path for card in cards]),
    )


def _weak_evidence(summary: pd.DataFrame | None) -> pd.DataFrame:
    """The rows of the train summary that come nearest to looking wrong, as a list of suspects.

    None of them where some do look wrong: a run may be told to list fewer, or none.
    """
    if summary is None or not set(summary.columns) >= _NEEDED:
        return pd.DataFrame(columns=["rank"])
    if (summary["suspicion"] >= schema.SUSPICION_CUT).any():
        return pd.DataFrame(columns=["rank"])
    ordered = summary.sort_values("suspicion", ascending=False, kind="stable")
    nearest = ordered.head(schema.WEAK_EVIDENCE)
    ranked = nearest.assign(rank=range(1, len(nearest) + 1))
    return ranked.rename(columns={"train_class": "given_class"})


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
    error_norm = float(str(row["error_norm"]))
    wrong = row.get("wrong_label_probability")
    wrong = None if wrong is None else float(str(wrong))
    if wrong is not None and "gain" in row:
        keys["gain"] = wrong * float(str(row["gain"]))
    return Suspect(
        rank=int(keys["rank"]),
        path=path,
        given=given,
        suggested=str(row["suggested_class"]),
        suspicion=meaning.decimal(keys["suspicion"]),
        probability=wrong,
        says="" if wrong is None else meaning.wrong_in_ten(wrong),
        facts=(*_facts(keys, error_norm, given, probabilities.get(path)), *_gain(row)),
        keys=keys,
        like_given=neighbours.get((path, schema.GIVEN), ()),
        like_suggested=neighbours.get((path, schema.SUGGESTED), ()),
    )


def _gain(row: dict[str, object]) -> Iterator[Fact]:
    if "gain" in row:
        gain = float(str(row["gain"]))
        said = "how much relabelling it as suggested is estimated to lower the mean test loss"
        yield Fact("Gain", signed(gain), said)


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
