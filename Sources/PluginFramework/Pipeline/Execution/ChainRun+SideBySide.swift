// SPDX-License-Identifier: Apache-2.0

import Logging
import Values

/// Plugins that run at the same time.
extension ChainRun {
    private struct Numbered: Sendable {
        let index: Int
        let answer: TimedAnswer
    }

    /// Runs plugins of one priority side by side, with exactly the outcome of one after the other.
    ///
    /// All start on what there is now, and their answers are taken in order. Once an answer changes what later plugins see, theirs
    /// are worth nothing: they are cancelled and start again on what there is then.
    mutating func runBand(_ links: [HookChain.Link]) async {
        var next = 0
        while next < links.count, block == nil {
            let asked = links[next...].indices.filter { links[$0].applies(to: inputs) }
            guard let first = asked.first else { return }
            if asked.count == 1 {
                await runAlone(links[first])
                next = first + 1
            } else {
                guard mayAsk() else { return }
                next = await runRound(asked, of: links)
            }
        }
    }

    /// Asks several plugins at once, and takes their answers in order as far as they hold.
    ///
    /// - Returns: From where on plugins are to be asked again.
    private mutating func runRound(_ asked: [Int], of links: [HookChain.Link]) async -> Int {
        let calls = asked.map { ($0, links[$0].member, invocation(for: links[$0].member)) }
        let resources = resources
        return await withTaskGroup(of: Numbered.self) { group in
            for (index, member, invocation) in calls {
                group.addTask {
                    Numbered(index: index, answer: await Self.ask(member, invocation, resources))
                }
            }
            var answers: [Int: TimedAnswer] = [:]
            var turn = asked[...]
            for await numbered in group {
                answers[numbered.index] = numbered.answer
                while let index = turn.first, let answer = answers[index] {
                    turn = turn.dropFirst()
                    let isOther = take(answer, from: links[index].member)
                    if isOther || block != nil {
                        group.cancelAll()
                        return index + 1
                    }
                }
            }
            return links.count
        }
    }

    /// Runs plugins that cannot change anything side by side; the first that blocks ends the call, and the others are cancelled.
    mutating func runConcurrently(_ links: [HookChain.Link]) async {
        let asked = links.filter { $0.applies(to: inputs) }
        guard !asked.isEmpty, mayAsk() else { return }
        let calls = asked.enumerated().map { ($0.offset, $0.element.member, invocation(for: $0.element.member)) }
        let resources = resources
        let run = self
        let seen = request.global
        let answers = await withTaskGroup(of: Numbered.self) { group in
            for (index, member, invocation) in calls {
                group.addTask {
                    Numbered(index: index, answer: await Self.ask(member, invocation, resources))
                }
            }
            var answers: [Numbered] = []
            for await numbered in group {
                answers.append(numbered)
                if run.blocks(numbered.answer, from: asked[numbered.index].member) {
                    group.cancelAll()
                    break
                }
            }
            return answers
        }
        // In order, so that what they share does not depend on who was faster; the blocking one is the last that counts.
        for numbered in answers.sorted(by: { $0.index < $1.index }) {
            take(numbered.answer, from: asked[numbered.index].member, seen: seen)
        }
    }

    private func blocks(_ timed: TimedAnswer, from member: PipelineMember) -> Bool {
        switch timed.answer.outcome {
        case .failure: generation.settings.failsOnPluginError || member.role.errorPolicy == .fail
        case .success(let result): !result.continueProcessing && member.role.mayBlock
        }
    }

    // MARK: In the background

    /// Starts the plugins that nobody waits for, on what the others left.
    mutating func startBackground() {
        // What the pipeline itself refused is for no plugin.
        if let block, block.plugin == nil { return }
        for link in chain.background where link.applies(to: inputs) {
            guard block != nil || mayAsk() else { return }
            let member = link.member
            // A snapshot: what the plugin notes is for nobody.
            let call = invocation(for: member)
            let (generation, resources, hook) = (generation, resources, chain.hook)
            let isStarted = resources.background.start(limit: generation.settings.maximumBackgroundCalls) {
                // Held, so that what the plugin needs is not taken from it by a reload.
                let held = generation
                let timed = await Self.ask(member, call, resources)
                if case .failure(let error) = timed.answer.outcome, !Task.isCancelled {
                    Self.noteFailure(error, of: member, at: hook, blocks: false, resources)
                }
                withExtendedLifetime(held) {}
            }
            if !isStarted {
                resources.logger.warning(
                    "Call of a fire_and_forget plugin dropped: max_background_calls are running",
                    metadata: ["plugin": "\(member.name)", "hook": "\(hook)"])
            }
            steps.append(
                PipelineStep(plugin: member.name, verdict: isStarted ? .background : .dropped, duration: .zero))
        }
    }
}
