#include "base/error.h"

#include <utility>

namespace easel {

std::string_view fault_name(Fault fault) {
  switch (fault) {
    case Fault::kUsage: return "usage";
    case Fault::kMissing: return "missing";
    case Fault::kBadFile: return "bad_file";
    case Fault::kInvalid: return "invalid";
    case Fault::kMismatch: return "mismatch";
    case Fault::kUnsupported: return "unsupported";
    case Fault::kMemory: return "memory";
    case Fault::kCancelled: return "cancelled";
    case Fault::kInternal: return "internal";
  }
  return "internal";
}

std::optional<Fault> fault_named(std::string_view name) {
  for (const Fault fault : {Fault::kUsage, Fault::kMissing, Fault::kBadFile, Fault::kInvalid, Fault::kMismatch,
                            Fault::kUnsupported, Fault::kMemory, Fault::kCancelled, Fault::kInternal})
    if (fault_name(fault) == name) return fault;
  return std::nullopt;
}

int exit_code(Fault fault) {
  switch (fault) {
    case Fault::kUsage: return 2;
    case Fault::kInvalid: return 3;
    case Fault::kMissing: return 4;
    case Fault::kBadFile: return 5;
    case Fault::kMismatch: return 6;
    case Fault::kUnsupported: return 7;
    case Fault::kMemory: return 8;
    case Fault::kCancelled: return 130;
    case Fault::kInternal: return 70;
  }
  return 70;
}

Error::Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) { rebuild(); }

Error& Error::in_file(std::string path) & {
  if (file_.empty()) file_ = std::move(path);
  rebuild();
  return *this;
}
Error& Error::at_node(std::string id, std::string class_type) & {
  if (node_.empty()) {
    node_ = std::move(id);
    node_class_ = std::move(class_type);
  }
  rebuild();
  return *this;
}
Error& Error::at_input(std::string input) & {
  if (input_.empty()) input_ = std::move(input);
  rebuild();
  return *this;
}
Error& Error::fix(std::string advice) & {
  if (advice_.empty()) advice_ = std::move(advice);
  rebuild();
  return *this;
}
Error&& Error::in_file(std::string path) && { return std::move(in_file(std::move(path))); }
Error&& Error::at_node(std::string id, std::string class_type) && {
  return std::move(at_node(std::move(id), std::move(class_type)));
}
Error&& Error::at_input(std::string input) && { return std::move(at_input(std::move(input))); }
Error&& Error::fix(std::string advice) && { return std::move(fix(std::move(advice))); }

void Error::rebuild() {
  text_.clear();
  if (!node_.empty()) {
    text_ += "node " + node_;
    if (!node_class_.empty()) text_ += " (" + node_class_ + ")";
    if (!input_.empty()) text_ += ", input '" + input_ + "'";
    text_ += ": ";
  }
  if (!file_.empty()) text_ += file_ + ": ";
  text_ += message_;
  if (!advice_.empty()) text_ += ". " + advice_;
}

}  // namespace easel
