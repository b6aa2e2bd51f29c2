"""Certificates for one machine: a small authority of its own, and what it vouches for.

Made and renewed by the launcher, in the data folder, for people who have no others. A key never
leaves the folder and only its owner can read it; the authority's certificate is what clients are
given. Files are moved into place, so whoever watches the folder sees whole ones.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFE = timedelta(days=3650)
_EDGE_LIFE = timedelta(days=90)
#: Of certificates that some of their holders read at their start only.
MESH_LIFE = timedelta(days=730)
# Made anew when this part of a life is left: a machine that sleeps for weeks still has time.
_LEFT_MIN = 1 / 3
# A client's clock may be behind ours.
_BACKDATED = timedelta(hours=1)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    private_key: Path


class Authority:
    """Vouches for names; its own certificate lies at `certificate`.

    Args:
        folder: where everything lies; made where it is missing.
        name: of its files and in its certificate.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._own = KeyPair(folder / f"{name}-ca.pem", folder / f"{name}-ca.key")

    @property
    def certificate(self) -> Path:
        """What clients trust."""
        return self._own.certificate

    def keep(self, file_name: str, names: Sequence[str], life: timedelta = _EDGE_LIFE) -> KeyPair:
        """Returns a certificate for `names`, made anew when it is missing, old, or for others.

        Args:
            file_name: of its files, without an ending.
            names: host names, addresses, or URIs (`spiffe://…`).
            life: of a new one; it is made anew when a third is left.

        Raises:
            OSError: a file cannot be read or written.
        """
        pair = KeyPair(self._folder / f"{file_name}.pem", self._folder / f"{file_name}.key")
        wanted = [_general_name(name) for name in dict.fromkeys(names)]
        authority, authority_key = self._authority()
        kept = _read(pair)
        if kept is not None and _is_good(kept, authority, wanted, life):
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            _builder(_subject(file_name), authority.subject, key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
            .sign(authority_key, hashes.SHA256())
        )
        _write(pair, made, key)
        return pair

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Returns the authority, made anew when it is missing or old."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        kept = _read(self._own)
        if (
            kept is not None
            and kept.not_valid_after_utc - datetime.now(UTC) > _LEFT_MIN * _AUTHORITY_LIFE
        ):
            key = serialization.load_pem_private_key(self._own.private_key.read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == (
                kept.public_key()
            ):
                return kept, key
        fresh = ec.generate_private_key(ec.SECP256R1())
        name = _subject(f"Sonica {self._name} of this machine")
        made = (
            _builder(name, name, fresh.public_key(), _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(fresh.public_key()), critical=False
            )
            .sign(fresh, hashes.SHA256())
        )
        _write(self._own, made, fresh)
        return made, fresh


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
    )


def _is_good(
    kept: x509.Certificate,
    authority: x509.Certificate,
    wanted: list[x509.GeneralName],
    life: timedelta,
) -> bool:
    if kept.not_valid_after_utc - datetime.now(UTC) <= _LEFT_MIN * life:
        return False
    try:
        kept.verify_directly_issued_by(authority)
        names = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
        return False
    return list(names) == wanted


def _read(pair: KeyPair) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _write(pair: KeyPair, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """Moves both into place, the key first: a certificate that is there has its key."""
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for path, content, mode in (
        (pair.private_key, text, 0o600),
        (pair.certificate, made.public_bytes(serialization.Encoding.PEM), 0o644),
    ):
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        fresh.replace(path)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
