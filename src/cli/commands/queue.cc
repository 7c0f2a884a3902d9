// easel queue: a running server's queue, from the command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/atomic_file.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/service/client.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using server::HttpClient;
using workflow::dump_json;
using workflow::Json;

struct Flags {
  ServerFlags server;
  std::string workflow, id, before;
  std::vector<std::string> ids;
  bool json = false, front = false, wait = false;
};

constexpr int kOneDay = 24 * 3600;  // seconds a job is waited for

Json post(const Flags& flags, const Json& body) {
  return checked(client(flags.server).post("/queue", dump_json(body)));
}

// The first words of a job: what its output nodes are, how many nodes there are.
std::string describe(const Json& item) {
  std::string classes;
  for (const Json& id : item.at(4))
    if (id.is_string() && item.at(2).contains(id.get<std::string>()))
      classes += (classes.empty() ? "" : ", ") + item.at(2)[id.get<std::string>()].value("class_type", std::string());
  return std::to_string(item.at(2).size()) + " nodes" + (classes.empty() ? "" : ", to " + classes);
}

void list(const Flags& flags) {
  const Json queue = checked(client(flags.server).get("/queue"));
  if (flags.json) {
    printf("%s\n", dump_json(queue).c_str());
    return;
  }
  if (queue.value("paused", false)) printf("the queue is paused\n");
  const auto print = [](const char* state, const Json& items) {
    for (const Json& item : items)
      printf("%-8s %s  %s\n", state, item.at(1).get<std::string>().c_str(), describe(item).c_str());
  };
  print("running", queue.at("queue_running"));
  print("waiting", queue.at("queue_pending"));
  if (queue.at("queue_running").empty() && queue.at("queue_pending").empty()) printf("nothing is queued\n");
}

// Throws if the job failed.
void check_end(const Json& entry) {
  for (const Json& message : entry.at("status").at("messages")) {
    if (message.at(0) == "execution_interrupted") throw Error(Fault::kCancelled, "the job was interrupted");
    if (message.at(0) != "execution_error") continue;
    const Json& about = message.at(1);
    throw Error(fault_named(about.value("exception_type", std::string())).value_or(Fault::kInvalid),
                about.value("exception_message", std::string("the job failed")));
  }
}

// Prints how a finished job ended.
void print_end(const std::string& id, const Json& entry) {
  const bool success = entry.at("status").value("completed", false);
  printf("%s %s\n", id.c_str(), success ? "success" : "not completed");
  for (const auto& node : entry.at("outputs").items()) {
    const Json images = node.value().value("images", Json::array());
    for (const Json& image : images) {
      if (!image.contains("filename")) continue;  // sent to a client
      const std::string subfolder = image.value("subfolder", std::string());
      printf("%s: %s%s%s\n", image.value("type", std::string()).c_str(), subfolder.c_str(),
             subfolder.empty() ? "" : "/", image.value("filename", std::string()).c_str());
    }
  }
}

void add(const Flags& flags) {
  const std::string query = std::string("?front=") + (flags.front ? "1" : "0") + (flags.wait ? "&wait=1" : "");
  const auto answer =
      client(flags.server).post("/prompt" + query, read_file(flags.workflow), flags.wait ? kOneDay : 60);
  const Json body = checked(answer);
  if (flags.json) printf("%s\n", dump_json(body).c_str());
  else if (!flags.wait) printf("%s\n", body.at("prompt_id").get<std::string>().c_str());
  if (!flags.wait) return;
  for (const auto& item : body.items()) {
    if (!flags.json) print_end(item.key(), item.value());
    check_end(item.value());
  }
}

void show(const Flags& flags) {
  const HttpClient http = client(flags.server);
  const Json queue = checked(http.get("/queue"));
  for (const char* state : {"queue_running", "queue_pending"}) {
    int place = 0;
    for (const Json& item : queue.at(state)) {
      ++place;
      if (item.at(1) != flags.id) continue;
      if (flags.json) printf("%s\n", dump_json(item).c_str());
      else if (state == std::string("queue_running")) printf("running, %s\n", describe(item).c_str());
      else printf("waiting, number %d in the queue, %s\n", place, describe(item).c_str());
      return;
    }
  }
  const Json history = checked(http.get("/history/" + flags.id));
  if (!history.contains(flags.id)) throw Error(Fault::kMissing, "the server knows no job '" + flags.id + "'");
  if (flags.json) {
    printf("%s\n", dump_json(history).c_str());
    return;
  }
  print_end(flags.id, history[flags.id]);
  check_end(history[flags.id]);
}

void cancel(const Flags& flags) {
  const HttpClient http = client(flags.server);
  checked(http.post("/queue", dump_json(Json{{"delete", flags.ids}})));
  for (const std::string& id : flags.ids) checked(http.post("/interrupt", dump_json(Json{{"prompt_id", id}})));
}

void move(const Flags& flags) {
  Json order = {{"id", flags.id}};
  if (!flags.before.empty()) order["before"] = flags.before;
  post(flags, {{"move", order}});
}

}  // namespace

void add_queue(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* queue = app.add_subcommand("queue", "Look at and change a running server's queue");
  queue->require_subcommand(1);
  const auto command = [&](const char* name, const char* about, auto&& what) {
    CLI::App* sub = queue->add_subcommand(name, about);
    add_server_flags(*sub, flags->server, "Address of the server");
    sub->callback([flags, what] { what(*flags); });
    return sub;
  };
  CLI::App* sub = command("add", "Queue a workflow", add);
  sub->add_option("WORKFLOW", flags->workflow, "Either form of workflow, or a picture that carries one")->required();
  sub->add_flag("--front", flags->front, "Before all others");
  sub->add_flag("--wait", flags->wait, "Until it has ended; the exit code tells how");
  sub->add_flag("--json", flags->json, "The server's answer as it is");
  command("list", "What runs and what waits", list)->add_flag("--json", flags->json, "The server's answer as it is");
  sub = command("show", "How a job stands", show);
  sub->add_option("ID", flags->id, "The job's id")->required();
  sub->add_flag("--json", flags->json, "The server's answer as it is");
  command("cancel", "Take jobs out of the queue, interrupt them where they run", cancel)
      ->add_option("ID", flags->ids, "Ids of jobs")
      ->required();
  sub = command("move", "Put a waiting job at another place", move);
  sub->add_option("ID", flags->id, "The job's id")->required();
  sub->add_option("--before", flags->before, "The job it will run before; the last one when left out");
  command("clear", "Take all waiting jobs out of the queue", [](const Flags& f) { post(f, {{"clear", true}}); });
  command("pause", "Begin no more jobs", [](const Flags& f) { post(f, {{"pause", true}}); });
  command("resume", "Begin jobs again", [](const Flags& f) { post(f, {{"pause", false}}); });
}

}  // namespace easel::cli
