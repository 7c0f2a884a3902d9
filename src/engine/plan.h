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

// What is known about a node before anything is computed.
struct Foreseen {
  nodes::Outputs outputs = {};  // an empty value for an output about which nothing is known
  bool ran = false;             // the node ran, as loaders do: the outputs are its result
  nodes::Ui ui = {};            // and this is what it shows
  std::vector<Remark> remarks = {};
};
using ForeseenPtr = std::shared_ptr<const Foreseen>;

// A node of a plan. The findings hold as long as the node's signature has this digest.
struct PlannedNode {
  std::string digest;
  ForeseenPtr foreseen;  // never null
};

// A prompt that has been checked, with all findings: the models that its loaders opened, and what is known about each
// node's outputs. It is a value that may be kept and copied. It holds the opened files as long as it lives; weights are
// loaded when they are needed.
struct Plan : workflow::Validation {
  std::vector<std::string> order;            // all nodes that the runnable outputs need, each after its inputs
  std::map<std::string, PlannedNode> nodes;  // by id: the nodes that could be checked
};

}  // namespace easel::engine
