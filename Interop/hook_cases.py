# SPDX-License-Identifier: Apache-2.0
"""For each hook: a payload, what Echo makes of it, and what Modify makes of it."""

_MESSAGES = [{"role": "user", "content": {"type": "text", "text": "Grüße, 世界"}}]
_CREDENTIALS = {"scheme": "Bearer", "credentials": "token-1"}
_REQUEST = {
    "path": "/v1/tools",
    "method": "POST",
    "client_host": "192.0.2.7",
    "client_port": 4711,
    "headers": {"accept": "application/json", "x-request": "1"},
}
_PERMISSION = {
    "user_email": "ada@example.com",
    "permission": "tools.execute",
    "resource_type": "tool",
    "team_id": "team-1",
    "is_admin": True,
    "auth_method": "jwt",
    "client_host": None,
    "user_agent": "curl/8",
}
_AGENT = {
    "agent_id": "agent-1",
    "messages": _MESSAGES,
    "tools": ["search"],
    "headers": {"x-agent": "1"},
    "model": None,
    "system_prompt": None,
    "parameters": {"temperature": 0.25, "stop": ["\n"]},
}
_TOOL = {"name": "search", "args": {"query": "swift", "limit": 3}, "headers": {"authorization": "Bearer t"}}

#: hook -> (payload sent, `modified_payload` of Echo, `modified_payload` of Modify)
CASES: dict[str, tuple[dict, dict, dict]] = {
    "prompt_pre_fetch": (
        _prompt := {"prompt_id": "greeting", "args": {"name": "Ada"}},
        _prompt,
        {"prompt_id": "greeting", "args": {"name": "Ada", "added": "yes"}},
    ),
    "prompt_post_fetch": (
        _rendered := {"prompt_id": "greeting", "result": {"messages": _MESSAGES, "description": "d"}},
        _rendered,
        {"prompt_id": "greeting", "result": {"messages": _MESSAGES, "description": "changed"}},
    ),
    "tool_pre_invoke": (
        _TOOL,
        _TOOL,
        {
            "name": "search-changed",
            "args": {"query": "swift", "limit": 3, "added": True},
            "headers": {"authorization": "Bearer t", "x-added": "yes"},
        },
    ),
    "tool_post_invoke": (
        _result := {"name": "search", "result": {"content": [{"type": "text", "text": "found"}], "isError": False}},
        _result,
        {"name": "search", "result": {"wrapped": _result["result"]}},
    ),
    "resource_pre_fetch": (
        _resource := {"uri": "file:///a/b", "metadata": {"size": 12}},
        _resource,
        {"uri": "file:///a/b?changed", "metadata": {"size": 12, "added": 1}},
    ),
    "resource_post_fetch": (
        _content := {"uri": "file:///a/b", "content": {"type": "resource", "text": "line 1\r\nline 2"}},
        _content,
        {"uri": "file:///a/b", "content": {"wrapped": _content["content"]}},
    ),
    "agent_pre_invoke": (
        _AGENT,
        _AGENT,
        {
            **_AGENT,
            "tools": ["search", "added"],
            "model": "changed-model",
            "system_prompt": "changed",
            "parameters": {"temperature": 0.25, "stop": ["\n"], "added": 0.5},
        },
    ),
    "agent_post_invoke": (
        _answer := {"agent_id": "agent-1", "messages": _MESSAGES, "tool_calls": None},
        _answer,
        {**_answer, "tool_calls": [{"name": "added"}]},
    ),
    "http_pre_request": (_REQUEST, _REQUEST["headers"], {**_REQUEST["headers"], "x-added": "yes"}),
    "http_post_request": (
        {**_REQUEST, "response_headers": {"content-type": "text/plain"}, "status_code": 204},
        _REQUEST["headers"],
        {"content-type": "text/plain", "x-added": "204"},
    ),
    "http_auth_resolve_user": (
        {"credentials": _CREDENTIALS, "headers": {}, "client_host": None, "client_port": None},
        _CREDENTIALS,
        {"email": "ada@example.com", "is_admin": False, "scheme": "Bearer"},
    ),
    "http_auth_check_permission": (
        _PERMISSION,
        {"granted": True, "reason": None},
        {"granted": True, "reason": "ada@example.com asks for tools.execute"},
    ),
}


def plain(payload):
    """A result's payload as plain data, whatever model the peer made of it."""
    return payload.model_dump() if hasattr(payload, "model_dump") else payload
