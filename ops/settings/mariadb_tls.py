"""What a URL of MariaDB's asks of TLS, in whichever driver's words: one mode, and the files that go with it."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import SettingsError

DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY = MODES = (
    "DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY",
)  # fmt: skip
"""As the client programs call them. PREFERRED: it is encrypted where the server can, and nothing is verified."""

MODE = "ssl_mode"
PASSWORD = "ssl_key_password"
FILES = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_cipher", PASSWORD)
WORDS = frozenset({*FILES, MODE, "ssl", "ssl_disabled", "ssl_check_hostname", "ssl_verify_cert", "ssl_verify_identity"})
"""Every word that is understood; another with `ssl` or `tls` in it is refused."""

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_OF_PYMYSQL = ("ssl_verify_cert", "ssl_verify_identity")

Query = Mapping[str, str | tuple[str, ...]]


def options(query: Query, driver: str, source: str) -> dict[str, str]:
    """Return the mode as `ssl_mode`, and the files as they are written; nothing where nothing is said of TLS.

    Where an authority is named, certificate and name are verified, unless it is said that one of the two is not.

    Raises
    ------
    SettingsError
        A word that nobody understands, two that contradict each other, or one that the project's driver would take for
        another.
    """
    given = {name: value if isinstance(value, str) else value[-1] for name, value in query.items()}
    if lost := sorted(name for name in given if ("ssl" in name or "tls" in name) and name not in WORDS):
        raise SettingsError(
            f"{source} asks for TLS by {', '.join(lost)}, which not every driver understands.",
            next_step="Write ssl_ca, and ssl_cert and ssl_key where the server wants them; ssl_check_hostname=false "
            "where its name is another one.",
        )
    mode = _mode(given, source)
    if driver == "pymysql":
        _refuse_what_pymysql_mistakes(given, source)
    if mode is None:
        return {}
    return {MODE: mode} | {name: given[name] for name in FILES if name in given}


def _mode(given: Mapping[str, str], source: str) -> str | None:
    said = given.get(MODE, "").upper()
    if MODE in given and said not in MODES:
        raise SettingsError(
            f"{source} has ssl_mode={given[MODE][:40]!r}, which is none of {', '.join(MODES)}.",
            next_step="Correct the word, for example ssl_mode=VERIFY_IDENTITY.",
        )
    wanted = {name: _truth(given, name, source) for name in sorted(WORDS - {*FILES, MODE})}
    certificate, identity, name = (
        wanted["ssl_verify_cert"],
        wanted["ssl_verify_identity"],
        wanted["ssl_check_hostname"],
    )
    authority = "ssl_ca" in given or "ssl_capath" in given
    is_asked = any(one in given for one in FILES) or said in MODES[2:]
    is_asked = is_asked or True in (certificate, identity, name, wanted["ssl"])
    if wanted["ssl_disabled"] or said == DISABLED:
        if is_asked:
            raise SettingsError(
                f"{source} asks for TLS, and for none.",
                next_step="Take ssl_disabled out of it, or all other words about TLS.",
            )
        return DISABLED
    if said in (VERIFY_CA, VERIFY_IDENTITY):
        return said
    if certificate is False and not identity:
        return REQUIRED if is_asked else said or None
    if authority or True in (certificate, identity, name):
        return VERIFY_CA if False in (identity, name) else VERIFY_IDENTITY
    return REQUIRED if is_asked else said or None


def _truth(given: Mapping[str, str], name: str, source: str) -> bool | None:
    if name not in given:
        return None
    found = _TRUTH.get(given[name].lower())
    if found is None:
        raise SettingsError(
            f"{source} has {name}={given[name][:40]!r}, which is neither true nor false.",
            next_step="Write true or false.",
        )
    return found


def _refuse_what_pymysql_mistakes(given: Mapping[str, str], source: str) -> None:
    """PyMySQL takes what a URL says for text, of which any is true; and forgets SQLAlchemy's ssl_ca beside its own."""
    for name in ("ssl_disabled", *_OF_PYMYSQL):
        if name in given and not _TRUTH[given[name].lower()] and name != "ssl_verify_cert":
            raise SettingsError(
                f"{source} says {name}={given[name]}, which PyMySQL takes for true in a URL.",
                next_step=f"Leave {name} out of it; ssl_check_hostname=false is understood.",
            )
    if beside := [name for name in _OF_PYMYSQL if name in given and ("ssl_ca" in given or "ssl_capath" in given)]:
        raise SettingsError(
            f"{source} says {beside[0]} beside an authority, which PyMySQL forgets then.",
            next_step=f"Leave {beside[0]} out of it: ssl_ca alone has certificate and name verified.",
        )
