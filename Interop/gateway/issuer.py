# SPDX-License-Identifier: Apache-2.0
"""An authorization server as small as it can be: metadata, keys, and tokens for clients that know the secret (PyJWT signs)."""

import base64
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT, SECRET = "robot", "open sesame: 100%"


class Issuer:
    def __init__(self, context=None):
        """Over HTTPS with an ssl.SSLContext, whose certificate is to be one of localhost."""
        self.keys = {}
        self.requests = []
        self.is_down = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests.append(self.path)
                if issuer.is_down:
                    return self.answer(500, {})
                if self.path == "/keys":
                    return self.answer(200, {"keys": [key["public"] for key in issuer.keys.values()]})
                if self.path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
                    return self.answer(200, issuer.metadata)
                self.answer(404, {})

            def do_POST(self):
                issuer.requests.append(self.path)
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                scheme, _, credentials = (self.headers["authorization"] or " ").partition(" ")
                pair = base64.b64decode(credentials).decode() if scheme == "Basic" else ":"
                client, _, secret = pair.partition(":")
                given = (urllib.parse.unquote_plus(client), urllib.parse.unquote_plus(secret))
                if form.get("grant_type") != "client_credentials" or given != (CLIENT, SECRET):
                    return self.answer(401, {"error": "invalid_client"})
                token = issuer.token(sub=CLIENT, aud=form.get("resource", "nobody"), scope=form.get("scope", ""))
                self.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 600})

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.url = f"https://localhost:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.add_key("first", "ES256")

    @property
    def metadata(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def add_key(self, name, algorithm):
        if algorithm == "RS256":
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        self.keys[name] = {
            "private": private,
            "algorithm": algorithm,
            "public": {**public, "kid": name, "alg": algorithm, "use": "sig"},
        }

    def token(self, key="first", header=None, **claims):
        key_entry = self.keys[key]
        now = int(time.time())
        claims = {"iss": self.url, "sub": "alice", "iat": now, "exp": now + 600, **claims}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key_entry["private"],
            algorithm=key_entry["algorithm"],
            headers={"kid": key, **(header or {})},
        )

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
