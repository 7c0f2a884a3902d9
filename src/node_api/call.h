// One run of a node: its inputs, what it may ask for, what it shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "node_api/context.h"
#include "node_api/value.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A file a node has written, as clients ask for it; or, with a content type and no name, a picture it has sent to the
// client.
struct UiFile {
  std::string filename, subfolder, type;  // type: "output", "temp" or "input"
  std::string sent_as = {};               // "image/png"
};

// What a node shows beside its outputs: lists by name ("images").
using Ui = std::map<std::string, std::vector<UiFile>>;

class Call {
 public:
  // Inputs that were typed, and those that came over links.
  struct Arguments {
    std::map<std::string, workflow::Literal, std::less<>> typed;
    std::map<std::string, Value, std::less<>> linked;
  };
  // Throws Error(kInvalid) for a linked whole number that no run could make sense of.
  Call(Context& context, const workflow::NodeSpec& spec, std::string id, Arguments arguments);

  // All of these throw Error(kInternal) for a name or type that the node did not declare, and give the declared
  // default for an input that was left out.
  int64_t integer(std::string_view name) const;
  uint64_t seed(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string& text(std::string_view name) const;  // STRING and COMBO

  // Whether an optional input is there.
  bool has(std::string_view name) const;
  // What came over a link. Throws Error(kInvalid) when it is not there.
  template <class T>
  const T& link(std::string_view name) const {
    return linked(name).as<T>();
  }
  const Tensor& tensor(std::string_view name) const { return link<Tensor>(name); }
  const Latent& latent(std::string_view name) const { return link<Latent>(name); }
  // nullptr when absent or of another type: for inputs that need not be there, and for foresight.
  template <class T>
  const T* peek(std::string_view name) const {
    const auto it = arguments_.linked.find(name);
    return it == arguments_.linked.end() ? nullptr : it->second.template get<T>();
  }
  const Value& linked(std::string_view name) const;

  Context& context() const { return context_; }
  const std::string& id() const { return id_; }
  void check_cancelled() const { context_.cancel.check(); }
  // After each of several parts: stops here when cancelled, and says how far it is.
  void part_done(int done, int total) const;
  void warn(const std::string& message) const;

  void show(const std::string& list, UiFile file) { ui_[list].push_back(std::move(file)); }
  const Ui& ui() const { return ui_; }

 private:
  const workflow::Literal& literal(std::string_view name) const;

  Context& context_;
  const workflow::NodeSpec& spec_;
  std::string id_;
  Arguments arguments_;
  Ui ui_;
};

}  // namespace easel::nodes
