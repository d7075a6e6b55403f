"""Indexes on texts: their rates are those of a server that compares bytes, and the target may compare by a language."""

from __future__ import annotations

from collections.abc import Iterable

from ops.catalog.names import mentions, quoted
from ops.catalog.values import Catalog, properties
from ops.estimate.values import Trial

_BYTEWISE = frozenset({"C", "POSIX", "C.UTF-8", "C.UTF8", "PG_C_UTF8", "UCS_BASIC"})
_TEXTS = ("text", "character varying", "character", "citext")


def sorting(trials: Iterable[Trial], catalog: Catalog, collation: str) -> str:
    """Return why indexes on texts may take longer than their rates say; empty where nothing speaks for it.

    `collation` is that of the live database, as `pg_database.datcollate` has it; `catalog` its schema.
    """
    found = sorted({name for one in trials if one.kind == "index" for name in _by_language(one, catalog, collation)})
    if not found:
        return ""
    names = ", ".join(found[:4]) + (" …" if len(found) > 4 else "")
    return (
        f"{names}: these texts are sorted by a language (the database's is {collation}), and the rates are those of a "
        "server that compares bytes. An index on them may take several times as long, beyond its range."
    )


def _by_language(trial: Trial, catalog: Catalog, collation: str) -> Iterable[str]:
    """The columns of an index that are texts in an order other than that of their bytes."""
    for key, text in catalog.texts.items():
        if key.kind != "column" or f"{quoted(key.schema)}.{quoted(key.parent)}" != trial.relation:
            continue
        own = properties(text)
        name = str(own["collation"]).rpartition(".")[2].strip('"') if own.get("collation") else collation
        is_text = str(own.get("type", "")).split("(")[0].rpartition(".")[2] in _TEXTS
        if is_text and name.upper() not in _BYTEWISE and mentions(trial.detail, key.name):
            yield f"{trial.relation}.{quoted(key.name)}"
