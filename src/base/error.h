// The one error type of Easel. It carries what went wrong, where, and what to do about it.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace easel {

// Why an operation failed. Decides the exit code and the HTTP status.
enum class Fault {
  kUsage,        // the caller asked for something that makes no sense (flags, API misuse)
  kMissing,      // a file, node, key or name that does not exist
  kBadFile,      // a file whose content is damaged, hostile or not of the expected kind
  kInvalid,      // a workflow or value that fails validation
  kMismatch,     // two good things that do not fit each other (adapter and model, ...)
  kUnsupported,  // well-formed, but not something Easel does
  kMemory,       // does not fit into the memory allowed, or onto the disk
  kCancelled,    // stopped on request
  kInternal,     // a defect in Easel itself
};

// A short stable name for a fault, as printed by --json and the server ("bad_file", ...).
std::string_view fault_name(Fault fault);
// The fault of that name; nothing when there is none.
std::optional<Fault> fault_named(std::string_view name);

// Thrown for every failure. Build it in one expression:
//   throw Error(Fault::kBadFile, "the header is cut short").in_file(path).fix("download it again");
// Callers that know more (the file, the node) add it while the error passes through them; the first
// value given for a field stays. what() is the whole sentence for people.
class Error : public std::exception {
 public:
  Error(Fault fault, std::string message);

  Error& in_file(std::string path) &;
  Error&& in_file(std::string path) &&;
  Error& at_node(std::string id, std::string class_type = {}) &;
  Error&& at_node(std::string id, std::string class_type = {}) &&;
  Error& at_input(std::string input) &;
  Error&& at_input(std::string input) &&;
  Error& fix(std::string advice) &;
  Error&& fix(std::string advice) &&;

  Fault fault() const { return fault_; }
  const std::string& message() const { return message_; }
  const std::string& file() const { return file_; }
  const std::string& node() const { return node_; }
  const std::string& node_class() const { return node_class_; }
  const std::string& input() const { return input_; }
  const std::string& advice() const { return advice_; }

  const char* what() const noexcept override { return text_.c_str(); }

 private:
  void rebuild();

  Fault fault_;
  std::string message_, file_, node_, node_class_, input_, advice_, text_;
};

// Process exit code for a fault; documented in docs/cli.md.
int exit_code(Fault fault);

}  // namespace easel
