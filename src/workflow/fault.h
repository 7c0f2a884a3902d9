// The faults that a workflow can have, as data: other code makes texts of them, and no program has to read those texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "workflow/json.h"

namespace easel::workflow {

enum class FaultCode {
  // The workflow as a whole.
  kNoOutputs,    // nothing in it is an output
  kNothingRuns,  // it has outputs, and none of them can be made
  // A node.
  kUnknownClass,
  kCycle,  // it depends on itself
  // An input.
  kInputMissing,    // required, and not given
  kBadLink,         // no link where there must be one, or a link from nowhere
  kWrongLinkType,   // a link of another type
  kWrongValueType,  // a value that cannot be read as one of the input's type
  kTooSmall,
  kTooLarge,
  kNotAChoice,
  kModelMissing,  // no model file of that name
  kPictureMissing,
  kLatentMissing,
  // Errors that a node threw when it was checked, by their Fault.
  kMissing,      // something else that it needs is not there
  kBadFile,      // a file that is damaged, or of another kind
  kMismatch,     // models or values that do not fit each other
  kUnsupported,  // well-formed, but not something Easel does
  kMemory,       // more than the memory allowed
  kInvalid,      // a value that makes no sense
  kInternal,     // a defect in Easel
};

// A short stable name, as clients are told ("model_missing"), and the code of that name.
std::string_view code_name(FaultCode code);
std::optional<FaultCode> code_named(std::string_view name);
// The kind of failure, which decides the exit code.
Fault fault_of(FaultCode code);
// The code for an error that a node threw when it was checked.
FaultCode code_of(Fault fault);

// An error in words, without the node and the input, which are shown beside it.
std::string reason_of(const Error& error);

// One fault of one node.
struct NodeFault {
  FaultCode code = FaultCode::kInvalid;
  std::string input = {};                  // the input at fault; empty: the node as a whole
  std::string message = {}, details = {};  // in ComfyUI's words
  std::string reason = {};                 // says more than the code, without node and input: "there is no node 9"
  std::string hint = {};                   // a suggestion: "did you mean 'euler'?"
  Json about = Json::object();             // ComfyUI's further fields: the input's declaration, the value, ...
};

// A fault of the workflow as a whole.
struct PromptFault {
  FaultCode code = FaultCode::kInvalid;
  std::string message = {}, details = {};
  Json about = Json::object();
};

// A text for users, without the node.
std::string in_words(const NodeFault& fault);

// {type, message, details, extra_info}, as POST /prompt of ComfyUI answers. extra_info has more than ComfyUI's: "code"
// and "fault" by name, and of a node's fault "input_name", "reason" and "hint" where there are any.
Json to_json(const NodeFault& fault);
Json to_json(const PromptFault& fault);

}  // namespace easel::workflow
