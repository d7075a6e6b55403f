"""Values of a section with parts of the target's URL in them: `env.SHOP_DB = {url}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ops.errors import SettingsError
from ops.settings import urls
from ops.settings.files import Section

_TEMPLATE = re.compile(r"\{(\w+|url\.[\w-]+)\}")


def parts_of(text: str, *, driver: str | None, source: str) -> dict[str, str]:
    """Return what the templates stand for: the project's URL, and its parts as they are, not percent-encoded."""
    url = urls.parse(text, source=source)
    return {
        "url": urls.project_url(text, driver=driver, source=source),
        "user": url.username or "",
        "password": url.password or "",
        "host": urls.host_of(url),
        "port": str(urls.port_of(url)),
        "database": url.database or "",
    }


def filled(
    prefix: str, values: Mapping[str, str], parts: Mapping[str, str], section: Section
) -> tuple[tuple[str, str], ...]:
    """Return the keys that begin with a prefix, without it, and their values with the templates filled in."""

    def part(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise SettingsError(
                f"{section}: the template {{{match[1]}}} is not one of {', '.join(parts)}.",
                next_step="Correct the template.",
            )
        return parts[match[1]]

    return tuple(
        (key.removeprefix(prefix), _TEMPLATE.sub(part, value))
        for key, value in values.items()
        if key.startswith(prefix)
    )
