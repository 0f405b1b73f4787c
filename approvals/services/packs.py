"""Evidence packs: what was asked, by whom, why, under which rule, who decided, and whether it ran, on paper.

A pack stands alone: somebody who has nothing else can read from it who, what, when, under which rule, on what
evidence, and whether it ran; and can check the chain of each request with the digests in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain import display
from approvals.domain.state import clock
from approvals.services import pack_sections, rule_texts
from approvals.services.dossiers import HASH_RULE, Dossier
from approvals.services.pack_sections import LONGEST, STATUS, Texts, cut
from approvals.services.paper import Paper


@dataclass(frozen=True, slots=True)
class Cover:
    """What a pack says of itself. `volume` is empty where the pack is one file."""

    asked_by: str
    asked_at: datetime
    search: str
    count: int
    service: str
    volume: str = ""


def write(dossiers: Sequence[Dossier], cover: Cover) -> bytes:
    """One PDF: the cover with the list of digests, a section for each request, the texts of the rules."""
    name = "Countersign evidence pack" + (f", {cover.volume}" if cover.volume else "")
    paper = Paper(title=name, foot=f"{name} · asked for {clock(cover.asked_at)}", at=cover.asked_at)
    _cover(paper, dossiers, cover)
    texts = rule_texts.of(dossiers)
    for dossier in dossiers:
        paper.add_page()
        paper.foot = (
            f"{name} · {dossier.row.ref} · {display.fingerprint(dossier.row.action_sha256)}"
        )
        pack_sections.write(paper, dossier, texts)
    if texts:
        paper.foot = f"{name} · texts of the rules"
        paper.add_page()
        _rules(paper, texts)
    if paper.unshown:
        paper.heading("Characters that are not drawn")
        paper.text_block(
            f"{paper.unshown:,} characters have no shape in the fonts of this file. Each stands as its "
            "number, like ⟦U+1F680⟧. The JSON Lines export holds them as they were sent."
        )
    return bytes(paper.output())


def index(volumes: Sequence[tuple[str, str]], cover: Cover) -> bytes:
    """The cover of a pack in several files: each with its digest."""
    paper = Paper(
        title="Countersign evidence pack",
        foot=f"Countersign evidence pack · asked for {clock(cover.asked_at)}",
        at=cover.asked_at,
    )
    _about(paper, cover)
    paper.heading(f"{len(volumes)} volumes")
    for name, digest in volumes:
        paper.fact(name, f"SHA-256 {digest}", mono=True)
    return bytes(paper.output())


def _about(paper: Paper, cover: Cover) -> None:
    paper.heading("Evidence pack", size=20)
    paper.text_block(
        "What agents asked to do, who decided it and why, under which rule, and whether it ran.",
        faint=True,
    )
    paper.ln(3)
    paper.fact("Asked for by", cover.asked_by)
    paper.fact("Asked for at", clock(cover.asked_at))
    paper.fact("Search", cover.search or "everything")
    paper.fact("Requests", f"{cover.count:,}")
    paper.fact("Service", cover.service)
    if cover.volume:
        paper.fact("This file", cover.volume)


def _cover(paper: Paper, dossiers: Sequence[Dossier], cover: Cover) -> None:
    _about(paper, cover)
    paper.heading("How to check it")
    paper.text_block(
        "Each request has a chain of events; the hash of each event holds the hash of the one before it. The "
        f"last hash of each chain stands below. {HASH_RULE}. Who runs the service can check every chain with "
        "`countersign audit verify`; the JSON Lines export holds each event exactly as it was hashed."
    )
    paper.heading("Requests in this file")
    for dossier in dossiers:
        row = dossier.row
        words = "chain intact" if dossier.broken is None else "CHAIN BROKEN"
        told = f"{STATUS[row.status]} · {row.position} events, {words}\n{row.chain_head}"
        paper.fact(row.ref, told, mono=True)


def _rules(paper: Paper, texts: Texts) -> None:
    paper.heading("Texts of the rules", size=14)
    for text in {each.mark: each for each in texts.values()}.values():
        paper.heading(f"{text.mark}  Version {text.version}, {text.file}")
        by_whom = f"Applied {clock(text.applied_at)} by {text.author}."
        paper.text_block(f"{by_whom} SHA-256 of all files {text.sha256}.", faint=True)
        paper.text_block(cut(display.show(text.text).text, LONGEST), mono=True)
