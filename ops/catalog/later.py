"""A catalog that is known by its fingerprint, and loaded only when somebody looks into it."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView

from ops.catalog.values import Catalog, Key


class Later(Mapping[Key, str]):
    """The texts of a catalog, loaded at the first look."""

    def __init__(self, load: Callable[[], Mapping[Key, str]]) -> None:
        self._load: Callable[[], Mapping[Key, str]] | None = load
        self._texts: Mapping[Key, str] = {}

    @property
    def texts(self) -> Mapping[Key, str]:
        """The texts themselves."""
        if self._load is not None:
            self._texts = self._load()
            self._load = None
        return self._texts

    def __getitem__(self, key: Key) -> str:
        return self.texts[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, key: object) -> bool:
        return key in self.texts

    # a dict's own views: those that the base class makes are many times slower

    def keys(self) -> KeysView[Key]:
        """Return the keys."""
        return self.texts.keys()

    def items(self) -> ItemsView[Key, str]:
        """Return keys and texts."""
        return self.texts.items()

    def values(self) -> ValuesView[str]:
        """Return the texts."""
        return self.texts.values()


def later(*, database: str, server_version: int, fingerprint: str, load: Callable[[], Mapping[Key, str]]) -> Catalog:
    """Return a catalog whose fingerprint is known already."""
    catalog = Catalog(database=database, server_version=server_version, texts=Later(load))
    vars(catalog)["fingerprint"] = fingerprint  # where its cached property would keep it
    return catalog
