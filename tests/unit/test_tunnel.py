"""How a server's certificate is checked on behalf of the embedded programs: as libpq does with the same options."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ops import tunnel
from ops.errors import OpsError

# fmt: off
CHECKED = {  #                         options                                             certificate        name
    "require":                        ({"sslmode": "require"},                             ssl.CERT_NONE,     False),
    "prefer, as by default":          ({},                                                 ssl.CERT_NONE,     False),
    "verify-ca":                      ({"sslmode": "verify-ca"},                           ssl.CERT_REQUIRED, False),
    "verify-full":                    ({"sslmode": "verify-full"},                         ssl.CERT_REQUIRED, True),
    "the system's authorities":       ({"sslmode": "verify-full", "sslrootcert": "system"}, ssl.CERT_REQUIRED, True),
}
# fmt: on


@pytest.mark.parametrize(("options", "certificate", "name"), CHECKED.values(), ids=CHECKED)
def test_what_is_checked(
    options: dict[str, str], certificate: ssl.VerifyMode, name: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    context = tunnel.context_of(options)

    assert (context.verify_mode, context.check_hostname) == (certificate, name)


REFUSED = {
    "a list of what was revoked": ({"sslcrl": "x.crl"}, "sslcrl"),
    "an authority that is not there": ({"sslrootcert": "/nowhere/root.crt"}, "No such file"),
    "a certificate that is none": ({"sslcert": "/dev/null"}, "cannot be used"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(options: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(OpsError) as refused:
        tunnel.context_of(options)

    assert said in refused.value.problem and refused.value.next_step
