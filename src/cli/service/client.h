// What the commands have in common that ask a running server.
#pragma once

#include <string>

#include "base/error.h"
#include "server/http/http_client.h"
#include "workflow/json.h"

namespace CLI {
class App;
}

namespace easel::cli {

struct ServerFlags {
  std::string address = "http://127.0.0.1:8188", token_file;
};

// Declares --server and --token-file; `what`: "Address of the server".
void add_server_flags(CLI::App& command, ServerFlags& flags, const char* what);

// Throws Error when the token cannot be read.
server::HttpClient client(const ServerFlags& flags);
// The JSON of an answer. Throws the error that the server reports, not_ours() for what is no JSON.
workflow::Json checked(const server::ClientResponse& answer);
// Error(kUnsupported), for what no server of ours answers.
Error not_ours(const server::ClientResponse& answer);

}  // namespace easel::cli
