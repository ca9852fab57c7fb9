// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Sockets
import Values

/// Callers of a pipeline.
struct Load: Sendable {
    let pipeline: Pipeline
    /// Where they run, in turn.
    let executors: [EventLoopTaskExecutor]
    let inFlight: Int
    let duration: Duration

    /// One request, which has the payload pass through the pipeline.
    func call(_ payload: Document, id: String) async -> PipelineOutcome {
        var request = PipelineRequest(GlobalContext(requestID: id, user: "ada@example.com", tenantID: "tenant-1"))
        return await pipeline.run(.toolPreInvoke, payload, in: &request)
    }

    /// The same call again and again.
    func plain(_ payload: Document) async -> ValueObject {
        let start = ContinuousClock.now
        let end = start + duration
        let (calls, failures) = await withTaskGroup(of: (Int, Int).self) { tasks in
            for worker in 0..<inFlight {
                tasks.addTask(executorPreference: executors[worker % executors.count]) {
                    var made = 0
                    var failed = 0
                    while ContinuousClock.now < end {
                        let outcome = await call(payload, id: "\(worker)-\(made)")
                        if outcome.block == nil, outcome.steps.count == 1 {
                            made += 1
                        } else {
                            failed += 1
                        }
                    }
                    return (made, failed)
                }
            }
            return await tasks.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        let seconds = (ContinuousClock.now - start).seconds
        return ["calls": .int(Int64(calls)), "failures": .int(Int64(failures)), "seconds": .double(seconds)]
    }
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
