"""Certificates for servers on this machine, made as they are needed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Who signs certificates. `path` holds its own, for those who shall trust it."""

    path: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """A new one."""
        name, key = _name("Acme CA"), ec.generate_private_key(ec.SECP256R1())
        made = _certificate(name, key, issuer=name).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        path = folder / "ca.pem"
        path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return cls(path=path, name=name, key=key)

    def certificate(
        self, folder: Path, host: str, *, begins: timedelta = -9 * DAY, lasts: timedelta = DAY
    ) -> Path:
        """One for the host, valid from and to so long from now, and its key, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(_name(host), key, issuer=self.name, begins=begins, lasts=lasts)
        return _written(
            folder / f"{host}.pem", _of(made, host).sign(self.key, hashes.SHA256()), key
        )


def self_signed(folder: Path, host: str, *, lasts: timedelta = DAY) -> Path:
    """A certificate that nobody but its own key vouches for, and the key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate(_name(host), key, issuer=_name(host), lasts=lasts)
    return _written(folder / f"{host}.pem", _of(made, host).sign(key, hashes.SHA256()), key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _of(made: x509.CertificateBuilder, host: str) -> x509.CertificateBuilder:
    return made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)


def _certificate(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Name,
    begins: timedelta = -9 * DAY,
    lasts: timedelta = DAY,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + lasts)
    )


def _written(path: Path, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
