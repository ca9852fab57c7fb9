// SPDX-License-Identifier: Apache-2.0
//
// The yardstick: a C++ gRPC server on the callback API that decodes a whole InvokeHook request and answers that the
// call may pass. It does what a no-op plugin makes a plugin server do, and nothing else.
//
// Usage: server ADDRESS          ADDRESS is HOST:PORT (port 0 for any) or unix:PATH
//
// Prints the port it listens on and READY on standard output; ends on SIGTERM and SIGINT.

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "mcpgateway/plugins/plugin_service.grpc.pb.h"

namespace plugins = mcpgateway::plugins;

namespace {

class Service final : public plugins::PluginService::CallbackService {
    grpc::ServerUnaryReactor *InvokeHook(grpc::CallbackServerContext *context,
                                         const plugins::InvokeHookRequest *request,
                                         plugins::InvokeHookResponse *response) override {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        if (!request->has_payload() || !request->has_context()) {
            reactor->Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "payload and context are required"));
            return reactor;
        }
        response->set_plugin_name(request->plugin_name());
        // Every field of a result, as the other servers send them.
        auto &result = *response->mutable_result()->mutable_fields();
        result["continue_processing"].set_bool_value(true);
        result["modified_payload"].set_null_value(google::protobuf::NULL_VALUE);
        result["violation"].set_null_value(google::protobuf::NULL_VALUE);
        result["metadata"].mutable_struct_value();
        result["http_headers"].set_null_value(google::protobuf::NULL_VALUE);
        result["retry_delay_ms"].set_number_value(0);
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s HOST:PORT | unix:PATH\n", argv[0]);
        return 2;
    }
    // Blocked before gRPC starts its threads, so that every thread inherits the mask and this one can wait for them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    Service service;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server || port == 0) {
        std::fprintf(stderr, "cannot listen on %s\n", argv[1]);
        return 1;
    }
    std::printf("%d\nREADY\n", port);
    std::fflush(stdout);
    int number = 0;
    sigwait(&signals, &number);
    server->Shutdown();
    return 0;
}
