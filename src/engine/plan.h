// Everything that is known of a prompt before it runs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/signature.h"
#include "node_api/call.h"
#include "node_api/value.h"
#include "workflow/validate.h"

namespace easel::engine {

// A message that a node reported while it was checked.
struct Remark {
  bool warning = false;  // else a detail
  std::string text;
};

// What is known of a node before anything is computed.
struct Foreseen {
  nodes::Outputs outputs = {};  // empty values for what is not known
  bool ran = false;             // the node ran, as loaders do: the outputs are its result
  nodes::Ui ui = {};            // and this is what it shows
  std::vector<Remark> remarks = {};
};
using ForeseenPtr = std::shared_ptr<const Foreseen>;

// A node of a plan. What was foreseen holds for as long as the node's signature is this one.
struct PlannedNode {
  std::string digest;
  ForeseenPtr foreseen;  // never null
};

// A prompt that has been checked, with all that was found out on the way: the models its loaders opened, and what each
// node will give as far as that can be known. A value: it may be kept and copied, and holds the opened files (not the
// weights, which are loaded when they are needed) as long as it lives.
struct Plan : workflow::Validation {
  std::vector<std::string> order;            // everything the runnable outputs need, each after what it depends on
  std::map<std::string, PlannedNode> nodes;  // by id: those that could be looked at
};

}  // namespace easel::engine
