// Nodes made of other nodes: such a node runs a chain of them and does nothing of its own.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "node_api/call.h"
#include "node_api/node.h"

namespace easel::nodes {

// Runs nodes of the standard table, or foresees their outputs, within the call of a composed node. Whatever they show
// and report counts as shown and reported by the composed node.
class Parts {
 public:
  enum class Doing { kRun, kForesee };
  using Typed = std::map<std::string, workflow::Literal, std::less<>>;
  using Links = std::map<std::string, Value, std::less<>>;

  // `call` must outlive this object.
  Parts(Call& call, Doing doing) : call_(call), doing_(doing) {}

  // The outputs of a node with these inputs, as many as it declares; when foreseeing, an output of which nothing is
  // known is empty. Empty links count as absent when running and as not yet known when foreseeing. Throws what the node
  // throws.
  Outputs make(const char* class_type, Typed typed, Links linked) const;

  void warn(const std::string& text) const { call_.warn(text); }
  bool runs() const { return doing_ == Doing::kRun; }

 private:
  Call& call_;
  Doing doing_;
};

// The value that arrived over a link, or an empty one.
template <class L>
Value value_of(const MaybeLinked<L>& link) {
  return link ? link.value() : Value();
}
inline Value value_of(const Call& call, std::string_view input) {
  const Value* value = call.linked(input);
  return value ? *value : Value();
}

// What the prompt holds as text or number for these inputs; those that are linked or absent are left out.
inline Parts::Typed typed_of(const Call& call, std::initializer_list<std::string_view> inputs) {
  Parts::Typed out;
  for (const std::string_view input : inputs)
    if (const workflow::Literal* value = call.typed(input)) out.emplace(input, *value);
  return out;
}

}  // namespace easel::nodes
