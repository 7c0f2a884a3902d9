#include "workflow/fault.h"

#include <cstddef>
#include <iterator>
#include <utility>

namespace easel::workflow {
namespace {

struct Row {
  FaultCode code;
  const char* name;
  Fault fault;
  std::string_view type;  // ComfyUI's, of a node's fault
};

constexpr std::string_view kCustom = "custom_validation_failed";

constexpr Row kRows[] = {
    {FaultCode::kNoOutputs, "no_outputs", Fault::kInvalid, "prompt_no_outputs"},
    {FaultCode::kNothingRuns, "nothing_runs", Fault::kInvalid, "prompt_outputs_failed_validation"},
    {FaultCode::kUnknownClass, "unknown_class", Fault::kInvalid, "missing_node_type"},
    {FaultCode::kCycle, "cycle", Fault::kInvalid, "dependency_cycle"},
    {FaultCode::kInputMissing, "input_missing", Fault::kInvalid, "required_input_missing"},
    {FaultCode::kBadLink, "bad_link", Fault::kInvalid, "bad_linked_input"},
    {FaultCode::kWrongLinkType, "wrong_link_type", Fault::kInvalid, "return_type_mismatch"},
    {FaultCode::kWrongValueType, "wrong_value_type", Fault::kInvalid, "invalid_input_type"},
    {FaultCode::kTooSmall, "too_small", Fault::kInvalid, "value_smaller_than_min"},
    {FaultCode::kTooLarge, "too_large", Fault::kInvalid, "value_bigger_than_max"},
    {FaultCode::kNotAChoice, "not_a_choice", Fault::kInvalid, "value_not_in_list"},
    {FaultCode::kModelMissing, "model_missing", Fault::kMissing, "value_not_in_list"},
    {FaultCode::kPictureMissing, "picture_missing", Fault::kMissing, kCustom},
    {FaultCode::kLatentMissing, "latent_missing", Fault::kMissing, kCustom},
    {FaultCode::kMissing, "missing", Fault::kMissing, kCustom},
    {FaultCode::kBadFile, "bad_file", Fault::kBadFile, kCustom},
    {FaultCode::kMismatch, "mismatch", Fault::kMismatch, kCustom},
    {FaultCode::kUnsupported, "unsupported", Fault::kUnsupported, kCustom},
    {FaultCode::kMemory, "memory", Fault::kMemory, kCustom},
    {FaultCode::kInvalid, "invalid", Fault::kInvalid, kCustom},
    {FaultCode::kInternal, "internal", Fault::kInternal, kCustom},
};

// The rows stand in the order of the codes.
constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kRows); ++i)
    if (static_cast<size_t>(kRows[i].code) != i) return false;
  return std::size(kRows) == static_cast<size_t>(FaultCode::kInternal) + 1;
}
static_assert(in_order());

const Row& row(FaultCode code) { return kRows[static_cast<size_t>(code)]; }

Json as_json(std::string_view type, const std::string& message, const std::string& details, const Json& about,
             FaultCode code) {
  Json extra = about;
  extra["code"] = code_name(code);
  extra["fault"] = fault_name(fault_of(code));
  return {{"type", type}, {"message", message}, {"details", details}, {"extra_info", std::move(extra)}};
}

}  // namespace

std::string_view code_name(FaultCode code) { return row(code).name; }

std::optional<FaultCode> code_named(std::string_view name) {
  for (const Row& r : kRows)
    if (name == r.name) return r.code;
  return std::nullopt;
}

Fault fault_of(FaultCode code) { return row(code).fault; }

FaultCode code_of(Fault fault) {
  switch (fault) {
    case Fault::kMissing: return FaultCode::kMissing;
    case Fault::kBadFile: return FaultCode::kBadFile;
    case Fault::kMismatch: return FaultCode::kMismatch;
    case Fault::kUnsupported: return FaultCode::kUnsupported;
    case Fault::kMemory: return FaultCode::kMemory;
    case Fault::kInternal: return FaultCode::kInternal;
    case Fault::kUsage:
    case Fault::kInvalid:
    case Fault::kCancelled: return FaultCode::kInvalid;
  }
  return FaultCode::kInternal;
}

std::string reason_of(const Error& error) {
  return (error.file().empty() ? "" : error.file() + ": ") + error.message() +
         (error.advice().empty() ? "" : ". " + error.advice());
}

std::string in_words(const NodeFault& fault) {
  // ComfyUI's message for what a node says, or has looked up, says nothing that a person could use.
  if (row(fault.code).type == kCustom) return fault.details;
  return fault.message + (fault.details.empty() ? "" : ": " + fault.details);
}

Json to_json(const NodeFault& fault) {
  Json out = as_json(row(fault.code).type, fault.message, fault.details, fault.about, fault.code);
  Json& extra = out["extra_info"];
  if (!fault.input.empty()) extra["input_name"] = fault.input;
  if (!fault.reason.empty()) extra["reason"] = fault.reason;
  if (!fault.hint.empty()) extra["hint"] = fault.hint;
  return out;
}

Json to_json(const PromptFault& fault) {
  // ComfyUI calls an unknown class otherwise when it speaks of the prompt.
  const std::string_view type = fault.code == FaultCode::kUnknownClass ? "invalid_prompt" : row(fault.code).type;
  return as_json(type, fault.message, fault.details, fault.about, fault.code);
}

}  // namespace easel::workflow
