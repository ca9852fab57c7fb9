# SPDX-License-Identifier: Apache-2.0
"""Certificates for the tests: those of `gatehouse certs`, and bad ones that it would not make."""

import datetime
import os
import subprocess
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from servers import binary, clean_environment


@dataclass
class Files:
    """A certificate, its key, and the authority to trust."""

    certfile: str
    keyfile: str
    ca_bundle: str

    def read(self, name: str) -> bytes:
        with open(getattr(self, name), "rb") as file:
            return file.read()


def certs(*arguments: str, folder: str, status: int = 0) -> subprocess.CompletedProcess:
    """Runs `gatehouse certs` in a folder."""
    process = subprocess.run(
        [binary("GATEHOUSE_BIN", "gatehouse"), "certs", *arguments],
        capture_output=True, text=True, timeout=120, cwd=folder, env=clean_environment(),
    )
    assert process.returncode == status, (process.returncode, process.stdout, process.stderr)
    return process


def holder(root: str, path: str, base: str) -> Files:
    folder = os.path.join(root, "certs", "mcp", path)
    return Files(*(os.path.join(folder, name) for name in (f"{base}.crt", f"{base}.key", "ca.crt")))


class Authority:
    """An authority made by `gatehouse certs` in a folder of its own, with a server's and a gateway's certificate."""

    def __init__(self, root: str):
        os.makedirs(root, exist_ok=True)
        self.root = root
        certs("plugin", "filter", "--san", "spiffe://test/filter", folder=root)
        certs("gateway", "--san", "spiffe://test/gateway/a", folder=root)
        self.server = holder(root, "plugins/filter", "server")
        self.client = holder(root, "gateway", "client")

    def issue(self, name: str, *, days: int = 30, names: tuple[str, ...] = (), client: bool = False) -> Files:
        """Issues what `gatehouse certs` would not: a certificate that has expired (days below 0), or has other names."""
        ca_folder = os.path.join(self.root, "certs", "mcp", "ca")
        with open(os.path.join(ca_folder, "ca.key"), "rb") as file:
            ca_key = serialization.load_pem_private_key(file.read(), None)
        with open(os.path.join(ca_folder, "ca.crt"), "rb") as file:
            ca = x509.load_pem_x509_certificate(file.read())
        key = ec.generate_private_key(ec.SECP256R1())
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=90))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names or (name,)]), False)
            .sign(ca_key, hashes.SHA256())
        )
        files = Files(*(os.path.join(self.root, f"{name}.{kind}") for kind in ("crt", "key")), self.server.ca_bundle)
        with open(files.certfile, "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        with open(files.keyfile, "wb") as file:
            file.write(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        return files


def client_cases(authority: Authority, stranger: Authority) -> dict[str, Files | None]:
    """What a client may show, by the names that the tables of outcomes use."""
    return {
        "none": None,
        "good": authority.client,
        "expired": authority.issue("expired-client", days=-5, client=True),
        "other CA": stranger.client,
        "wrong name": authority.issue("elsewhere", client=True),
    }


def server_cases(authority: Authority, stranger: Authority) -> dict[str, Files]:
    """What a server may show, by the names that the tables of outcomes use."""
    return {
        "good": authority.server,
        "expired": authority.issue("expired-server", days=-5, names=("localhost",)),
        "other CA": stranger.server,
        "wrong name": authority.issue("elsewhere-server"),
    }
