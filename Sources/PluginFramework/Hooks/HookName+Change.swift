// SPDX-License-Identifier: Apache-2.0

package import Values

extension HookName {
    private static let changeTypes: [HookName: any HookPayload.Type] = [
        .promptPreFetch: PromptRequest.self, .promptPostFetch: PromptResponse.self, .toolPreInvoke: ToolCall.self,
        .toolPostInvoke: ToolResult.self, .resourcePreFetch: ResourceRequest.self,
        .resourcePostFetch: ResourceContent.self, .agentPreInvoke: AgentCall.self, .agentPostInvoke: AgentResponse.self,
        .httpPreRequest: HTTPHeaderMap.self, .httpPostRequest: HTTPHeaderMap.self,
        .httpAuthResolveUser: ResolvedUser.self, .httpAuthCheckPermission: PermissionDecision.self,
    ]

    /// Checks that a document is what the hook's `modified_payload` must be.
    ///
    /// Custom hooks accept anything.
    ///
    /// - Throws: ``ValueError`` naming the field that is missing or of the wrong type.
    package func checkChange(_ document: Document) throws(ValueError) {
        guard let type = Self.changeTypes[self] else { return }
        _ = try type.init(document: document)
    }
}
