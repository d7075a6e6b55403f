"""How a copy of a schema differs from what it is a copy of, and what that leaves uncertain: a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ops.catalog import Catalog, properties
from ops.catalog.names import quoted

_SHOWN = 5


def of_versions(live: Catalog, made: Catalog) -> Iterator[str]:
    """Servers of different major versions."""
    here, there = live.server_version // 10000, made.server_version // 10000
    if here != there:
        yield (
            f"The server is PostgreSQL {here}, the copy {there}: locks, rewrites and scans are those of {there}, and "
            "a statement that only one of them knows ends otherwise."
        )


def of_roles(role: str, *, has_roles: bool) -> Iterator[str]:
    """Everything belongs to `role`, where the target's roles are not there."""
    if not has_roles:
        yield (
            f"Everything in the copy belongs to {quoted(role)}, who is no superuser there and can give nothing to "
            "others: whether a right stands against a statement is not seen."
        )


def of_subscriptions(count: int) -> Iterator[str]:
    """Subscriptions, of which there are so many."""
    if count:
        yield "Subscriptions are not copied: a statement about one of them fails in the copy."


def of_text(live: Catalog, here: tuple[str, str], there: tuple[str, str]) -> Iterator[str]:
    """Encodings, and how text is sorted in ranges: `here` and `there` are encoding and collation."""
    if here[0] != there[0]:
        yield (
            f"The encoding is {here[0]} there and {there[0]} in the copy: what does not fit into a number of bytes, or "
            "is no valid text, is not seen."
        )
    ranges = any('"partition_key" : "RANGE' in text for text in live.texts.values())
    if ranges and here[1] != there[1]:
        yield (
            f"Text is sorted as {here[1]} there and as {there[1]} in the copy: whether a text lies within the bounds "
            "of a partition may be otherwise."
        )


def of_extensions(live: Catalog, made: Catalog) -> Iterator[str]:
    """Extensions of other versions."""
    for key in sorted(key for key in live.texts if key.kind == "extension" and key in made.texts):
        here, there = (properties(one.texts[key])["version"] for one in (live, made))
        if here != there:
            yield (
                f"The extension {quoted(key.name)} is {here} there and {there} in the copy: what its types and "
                "functions do may be otherwise."
            )


def of_objects(live: Catalog, made: Catalog, left_out: Sequence[str], *, has_roles: bool) -> Iterator[str]:
    """Objects that were left out, or that pg_dump did not carry over; nothing of that is known across majors."""
    if left_out:
        yield (
            f"The copy is without {' and '.join(left_out)}, which its server has not: where a statement puts its data, "
            "and how that is packed, is not seen."
        )
    elif live.server_version // 10000 == made.server_version // 10000:
        skipped = ("extension", *live.unread, *(() if has_roles else ("default privileges",)))
        differing = sorted(
            key
            for key in live.texts.keys() | made.texts.keys()
            if key.kind not in skipped and not _is_same(live.texts.get(key), made.texts.get(key), has_roles=has_roles)
        )
        if differing:
            shown = ", ".join(f"{key.kind} {key}" for key in differing[:_SHOWN])
            more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            yield (
                f"pg_dump did not carry everything over: {shown}{more}. A statement that meets one of them may do "
                "something else there."
            )


def of_order(here: str, there: str) -> Iterator[str]:
    """How text is sorted, in a copy with rows: `here` and `there` are collations."""
    if here != there:
        yield (
            f"Text is sorted, and its case folded, as {here} there and as {there} in the copy: which of two rows comes "
            "first, and whether lower() makes two texts the same, may be otherwise."
        )


def _is_same(here: str | None, there: str | None, *, has_roles: bool) -> bool:
    if here == there or here is None or there is None or has_roles:
        return here == there
    first, second = properties(here), properties(there)
    return all(first.get(name) == second.get(name) for name in {*first, *second} - {"owner", "grants"})
