# SPDX-License-Identifier: Apache-2.0
"""Tokens that a foreign library signs, and the SDK's own way to get one, at a gateway that asks for them."""

import json
import time
import urllib.error
import urllib.request

import jwt
import pytest

import sdk
from conftest import Gateway, free_port, servers
from issuer import CLIENT, SECRET, Issuer


@pytest.fixture(scope="module")
def issuer():
    running = Issuer()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, issuer):
    folder = tmp_path_factory.mktemp("guarded")
    port = free_port()
    peer = {**servers(folder)["peer"], "tool_scopes": {"fail": ["danger"]}}
    base = f"http://127.0.0.1:{port}"
    running = Gateway(
        folder,
        {
            "mcpServers": {"peer": peer},
            "auth": {
                "resource": base,
                "required_scopes": ["mcp"],
                "issuers": [
                    {
                        "issuer": issuer.url,
                        "audience": base + "/mcp",
                        "jwks_url": issuer.url + "/keys",
                        "jwks_min_interval": 0.1,
                    }
                ],
            },
        },
        port=port,
    )
    yield running
    running.stop()


def status(gateway, token=None, path="/mcp"):
    """The status of an `initialize`, and the challenge."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(gateway.url(path), json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["www-authenticate"]


def good(gateway, issuer, **changes):
    return issuer.token(**{"aud": gateway.url(), "scope": "mcp", **changes})


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_of_a_new_key_is_taken_when_the_issuer_publishes_it(guarded, issuer, algorithm):
    assert status(guarded, good(guarded, issuer))[0] == 200
    name = f"new-{algorithm}"
    issuer.add_key(name, algorithm)
    hidden = issuer.keys.pop(name)
    issuer.keys["hidden"] = hidden
    token = good(guarded, issuer, key="hidden", header={"kid": name})
    del issuer.keys["hidden"]
    assert status(guarded, token)[0] == 401
    issuer.keys[name] = hidden
    deadline = time.monotonic() + 60
    while status(guarded, token)[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_wrong_with_a_token_is_refused(guarded, issuer):
    claims = {"aud": guarded.url(), "scope": "mcp"}
    for changes, expected in [
        ({"aud": "http://other.example.com/mcp"}, 401),
        ({"aud": None}, 401),
        ({"aud": ["x", guarded.url()]}, 200),
        ({"iss": "http://evil.example.com"}, 401),
        ({"exp": int(time.time()) - 600}, 401),
        ({"nbf": int(time.time()) + 600}, 401),
        ({"sub": None}, 401),
        ({"scope": "other"}, 403),
        ({"scope": ["mcp"]}, 200),
    ]:
        code, challenge = status(guarded, issuer.token(**{**claims, **changes}))
        assert code == expected, changes
        assert (challenge is None) == (expected == 200)
    unsigned = jwt.encode({"iss": issuer.url, "sub": "a", "exp": 4_000_000_000, **claims}, None, algorithm="none")
    assert status(guarded, unsigned)[0] == 401


def test_keys_outlive_an_outage_of_the_issuer(guarded, issuer):
    assert status(guarded, good(guarded, issuer))[0] == 200
    issuer.is_down = True
    try:
        assert status(guarded, good(guarded, issuer, jti="another"))[0] == 200
    finally:
        issuer.is_down = False


def test_the_challenge_leads_to_the_issuer(guarded, issuer):
    code, challenge = status(guarded)
    assert code == 401
    location = challenge.split('resource_metadata="')[1].split('"')[0]
    with urllib.request.urlopen(location, timeout=60) as answer:
        document = json.load(answer)
    assert document["resource"] == guarded.url()
    assert document["authorization_servers"] == [issuer.url]
    assert 'scope="mcp"' in challenge


def provider(guarded):
    """What gets tokens for the SDK's client."""
    from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider

    class Storage:
        tokens = None
        client = None

        async def get_tokens(self):
            return self.tokens

        async def set_tokens(self, tokens):
            self.tokens = tokens

        async def get_client_info(self):
            return self.client

        async def set_client_info(self, client):
            self.client = client

    return ClientCredentialsOAuthProvider(guarded.url(), Storage(), CLIENT, SECRET)


async def test_the_client_gets_its_token_by_itself(guarded, issuer):
    async with sdk.connect(url=guarded.url(), auth=provider(guarded)) as peer:
        assert "peer-echo" in await peer.tools()
        assert (await peer.call("peer-echo", {"text": "hi"}))["content"][0]["text"] == "hi"
    assert "/token" in issuer.requests


def call_status(gateway, token, name):
    """The status, challenge and error of a call in a session of its own."""
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {token}",
    }

    def post(method, params):
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
        return urllib.request.urlopen(urllib.request.Request(gateway.url(), body, headers), timeout=60)

    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    with post("initialize", client) as answer:
        headers["mcp-session-id"] = answer.headers["mcp-session-id"]
    try:
        with post("tools/call", {"name": name, "arguments": {"text": "x"}}) as answer:
            return answer.status, None, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["www-authenticate"], json.load(error)


def test_a_tool_that_needs_more_is_refused_with_what_it_needs(guarded, issuer):
    token = good(guarded, issuer)
    code, challenge, body = call_status(guarded, token, "peer-fail")
    assert code == 403
    assert 'error="insufficient_scope"' in challenge and 'scope="mcp danger"' in challenge
    assert f'resource_metadata="{guarded.url("/.well-known/oauth-protected-resource/mcp")}"' in challenge
    assert body["id"] == 7 and "lacks scopes" in body["error"]["message"]
    assert call_status(guarded, token, "peer-echo")[0] == 200
    assert call_status(guarded, good(guarded, issuer, scope="mcp danger"), "peer-fail")[0] == 200


async def test_step_up_the_client_gets_a_better_token_and_calls_again(guarded, issuer):
    async with sdk.connect(url=guarded.url(), auth=provider(guarded)) as peer:
        assert (await peer.call("peer-echo", {"text": "hi"}))["content"][0]["text"] == "hi"
        issuer.requests.clear()
        assert (await peer.call("peer-fail", {"text": "x"}))["isError"], "it is the tool that fails"
        assert "/token" in issuer.requests
        assert (await peer.call("peer-echo", {"text": "hi"}))["content"][0]["text"] == "hi"
