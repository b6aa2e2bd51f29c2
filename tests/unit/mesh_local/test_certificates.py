"""Aim: certificates are for the names asked for, private, and renewed before they end.

Method: real files; time is moved by shortening lives.
"""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mesh.local import certificates
from mesh.local.certificates import Authority, KeyPair
from mesh.local.edge_settings import EdgeOptions, EdgeSettings
from mesh.local.encryption import Encryption
from mesh.local.errors import LaunchError
from mesh.local.layout import Layout

NAMES = ("localhost", "127.0.0.1", "::1", "spiffe://sonica/match")


def read(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def test_names_and_dates(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", "edge")
    made = read(authority.keep("edge", NAMES))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == list(NAMES)
    root = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    made.verify_directly_issued_by(root)
    assert timedelta(days=80) < made.not_valid_after_utc - datetime.now(UTC) < timedelta(days=100)


def test_keys_are_the_owners_alone(tmp_path: Path) -> None:
    Authority(tmp_path / "tls", "edge").keep("edge", NAMES)
    keys = list((tmp_path / "tls").glob("*.key"))
    assert len(keys) == 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert not list((tmp_path / "tls").glob("*.new"))


def test_what_is_good_is_kept_and_what_is_not_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "tls", "edge")
    first = read(authority.keep("edge", NAMES))
    assert read(authority.keep("edge", NAMES)) == first
    other = read(authority.keep("edge", NAMES[:1]))
    assert other != first
    monkeypatch.setattr(certificates, "_LEFT_MIN", 1.1)
    renewed = read(authority.keep("edge", NAMES[:1]))
    assert renewed != other
    root = authority.certificate.read_bytes()
    monkeypatch.undo()
    authority.certificate.write_text("torn")
    assert read(authority.keep("edge", NAMES[:1])) != renewed
    assert authority.certificate.read_bytes() != root


def encryption(folder: Path, address: str, **settings: object) -> Encryption:
    return Encryption(Layout.of(folder), EdgeSettings(**settings), address)  # type: ignore[arg-type]


def test_other_machines_are_not_served_in_clear_unless_it_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="in clear"):
        encryption(tmp_path, "0.0.0.0:8080").check()
    encryption(tmp_path, "127.0.0.1:8080").check()
    encryption(tmp_path, "[::1]:8080").check()
    encryption(tmp_path, "0.0.0.0:8080", insecure=True).check()
    encryption(tmp_path, "192.0.2.1:8080", own_certificate=True).check()


def test_the_address_of_the_edge_is_among_the_names(tmp_path: Path) -> None:
    kept = encryption(tmp_path, "192.0.2.1:8080", own_certificate=True)
    kept.keep()
    assert kept.edge_certificate is not None
    assert kept.edge_private_key is not None
    made = read(KeyPair(kept.edge_certificate, kept.edge_private_key))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.1" in [str(name.value) for name in names]
    assert kept.ca_certificate is not None
    assert kept.ca_certificate.exists()


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"SONICA_ANONYMOUS_REQUESTS": "many"}, "SONICA_ANONYMOUS_REQUESTS"),
        ({"SONICA_ANONYMOUS_WINDOW_SECONDS": "0"}, "1 to"),
        ({"SONICA_TRUSTED_HOPS": "17"}, "0 to 16"),
        ({"SONICA_TLS_CERTIFICATE": "/a.pem"}, "belong together"),
        ({"SONICA_TLS_CERTIFICATE": "/a.pem", "SONICA_TLS_PRIVATE_KEY": "/a.key"}, "/a.pem"),
    ],
)
def test_wrong_settings_are_refused_by_name(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(LaunchError, match=complaint):
        EdgeSettings.from_environment(environment)


def test_the_command_line_goes_before_the_environment() -> None:
    said = EdgeOptions(tls=True, insecure=True).over(EdgeSettings())
    assert (said.own_certificate, said.insecure, said.has_tls) == (True, True, True)
    yours = EdgeSettings(tls_certificate=Path("/a.pem"), tls_private_key=Path("/a.key"))
    assert not EdgeOptions(tls=True).over(yours).own_certificate
