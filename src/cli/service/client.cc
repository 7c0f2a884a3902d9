#include "cli/service/client.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "workflow/fault.h"

namespace easel::cli {

using workflow::Json;

namespace {

// The kind of a refusal: the one that all faulty nodes have in common, or the one that the error or the status names.
Fault fault_of(unsigned status, const Json& body) {
  std::set<std::optional<Fault>> kinds;
  for (const Json& node : body.value("node_errors", Json::object()))
    for (const Json& fault : node.value("errors", Json::array())) {
      const auto code = workflow::code_named(fault.value("extra_info", Json::object()).value("code", std::string()));
      kinds.insert(code ? std::optional(workflow::fault_of(*code)) : std::nullopt);
    }
  if (kinds.empty()) kinds.insert(fault_named(body["error"].value("type", std::string())));
  if (kinds.size() == 1 && *kinds.begin()) return **kinds.begin();
  switch (status) {
    case 401:
    case 403: return Fault::kUsage;
    case 404: return Fault::kMissing;
    case 409: return Fault::kCancelled;
    case 507: return Fault::kMemory;
    default: return Fault::kInvalid;
  }
}

}  // namespace

Error not_ours(const server::ClientResponse& answer) {
  return Error(Fault::kUnsupported,
               "this does not answer like a server of ours (status " + std::to_string(answer.status) + ")");
}

void add_server_flags(CLI::App& command, ServerFlags& flags, const char* what) {
  command.add_option("--server", flags.address, what)->capture_default_str();
  command.add_option("--token-file", flags.token_file, "File with the server's token");
}

server::HttpClient client(const ServerFlags& flags) {
  std::string token;
  if (!flags.token_file.empty()) {
    token = read_file(flags.token_file, 4096);
    token.erase(token.find_last_not_of(" \t\r\n") + 1);
  }
  return server::HttpClient(flags.address, token);
}

// A queue of many large workflows has more in it than what anybody may send.
constexpr workflow::JsonLimits kOfAServer{
    .bytes = size_t{4} << 30, .keys = size_t{1} << 30, .values = std::numeric_limits<size_t>::max()};

Json checked(const server::ClientResponse& answer) {
  if (answer.status == 401) throw Error(Fault::kUsage, "the server needs its token").fix("Add --token-file FILE");
  Json body;
  try {
    body = workflow::parse_json(answer.body, kOfAServer);
  } catch (const Error&) {
    throw not_ours(answer);
  }
  if (answer.status < 400) return body;
  if (!body.is_object() || !body.contains("error") || !body["error"].is_object()) return body;
  std::string text = body["error"].value("message", std::string("refused"));
  if (const std::string more = body["error"].value("details", std::string()); !more.empty()) text += ": " + more;
  const Json faulty = body.value("node_errors", Json::object());
  for (const auto& node : faulty.items())
    for (const Json& fault : node.value()["errors"])
      text += "\n  node " + node.key() + ": " + fault.value("message", std::string()) + ": " +
              fault.value("details", std::string());
  throw Error(fault_of(answer.status, body), text);
}

}  // namespace easel::cli
