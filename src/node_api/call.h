// One run of a node: its inputs, its context, and the results that it shows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node_api/context.h"
#include "node_api/value.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A file that a node has written, by the names with which clients ask for it; or, with a content type and no name, a
// picture that it has sent to the client.
struct UiFile {
  std::string filename, subfolder, type;  // type: "output", "temp" or "input"
  std::string sent_as = {};               // "image/png"
  std::optional<std::string> text = {};   // a text in place of a file
};

// What a node shows in addition to its outputs: lists by name ("images").
using Ui = std::map<std::string, std::vector<UiFile>>;

class Call {
 public:
  // Inputs that were typed, and those that came over links.
  struct Arguments {
    std::map<std::string, workflow::Literal, std::less<>> typed;
    std::map<std::string, Value, std::less<>> linked;
  };
  // Throws Error(kInvalid) for a linked integer that is out of any plausible range.
  Call(Context& context, const workflow::NodeSpec& spec, std::string id, Arguments arguments);

  // The value in the workflow, or from a link to an input with a widget; null if the input is absent. Nodes receive
  // these as their parameters.
  const workflow::Literal* typed(std::string_view input) const;
  // The value that came over a link; null if there is none.
  const Value* linked(std::string_view input) const;

  // Whether the input is linked to a value that is not known yet.
  bool awaits(std::string_view input) const;

  Context& context() const { return context_; }
  const std::string& id() const { return id_; }
  void check_cancelled() const { context_.cancel.check(); }
  // Call after each of several parts: reports progress, and throws Error(kCancelled) if the run was cancelled.
  void part_done(int done, int total) const;
  void warn(const std::string& message) const;

  void show(const std::string& list, UiFile file) { ui_[list].push_back(std::move(file)); }
  void show_text(std::string text);
  const Ui& ui() const { return ui_; }

 private:
  Context& context_;
  std::string id_;
  Arguments arguments_;
  Ui ui_;
};

}  // namespace easel::nodes
